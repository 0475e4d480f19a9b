//! The one sentence that a tray's menu and the window's first page begin with: how all pairs are.

use super::count;
use crate::answer::PairStatus;

/// How all pairs are, what needs a person first.
#[must_use]
pub fn heading(pairs: &[PairStatus]) -> String {
    if pairs.is_empty() {
        return "Keep two folders in step".to_owned();
    }
    let many = |states: &[&str]| {
        let found = pairs.iter().filter(|p| states.contains(&p.state.as_str()));
        found.count()
    };
    let (needs, stopped) = (many(&["held", "sign_in"]), many(&["stopped"]));
    if needs > 0 {
        let verb = if needs == 1 { "needs" } else { "need" };
        let first = format!("{} {verb} you", amount(needs));
        return match stopped {
            0 => first,
            1 => format!("{first}, 1 has stopped"),
            _ => format!("{first}, {stopped} have stopped"),
        };
    }
    match (stopped, many(&["syncing"]), many(&["looking"])) {
        (1, ..) => return "1 pair has stopped".to_owned(),
        (2.., ..) => return format!("{} have stopped", amount(stopped)),
        (0, 0, 0) => {}
        (0, 0, _) => return "Looking at your folders".to_owned(),
        (0, 1, _) => {
            let shown = pairs.iter().find(|p| p.state == "syncing");
            return shown.map_or_else(String::new, |p| p.shown.clone());
        }
        (0, syncing, _) => return format!("{} are syncing", amount(syncing)),
    }
    resting(pairs)
}

/// Of pairs none of which needs anybody or is at work.
fn resting(pairs: &[PairStatus]) -> String {
    let of =
        |state: &str| -> Vec<&PairStatus> { pairs.iter().filter(|p| p.state == state).collect() };
    let waiting = of("waiting");
    if let Some((first, rest)) = waiting.split_first() {
        return match rest.iter().all(|pair| pair.shown == first.shown) {
            true => first.shown.clone(),
            false => format!("{} wait", amount(waiting.len())),
        };
    }
    let paused = of("paused");
    if let Some(first) = paused.first()
        && paused.len() == pairs.len()
    {
        return match paused.iter().all(|pair| pair.shown == first.shown) {
            true => first.shown.clone(),
            false => "Paused".to_owned(),
        };
    }
    let left_out: u64 = of("problems").iter().map(|pair| pair.problems).sum();
    let rest = pairs.len() - paused.len();
    let sentence = match rest {
        1 if paused.is_empty() => "Your pair is in step".to_owned(),
        1 => "1 pair is in step".to_owned(),
        _ if paused.is_empty() => format!("All {} are in step", amount(rest)),
        _ => format!("{} are in step", amount(rest)),
    };
    match left_out {
        0 => sentence,
        _ => format!("{sentence}, {} left out", super::grouped(left_out)),
    }
}

fn amount(pairs: usize) -> String {
    count(pairs as u64, "pair", "pairs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(state: &str, shown: &str) -> PairStatus {
        serde_json::from_value(serde_json::json!({
            "id": "", "name": "", "source": "", "destination": "", "state": state, "shown": shown,
            "items": 0, "held": 0, "conflicts": 0, "problems": 2, "left_out": 0,
        }))
        .unwrap()
    }

    #[test]
    fn the_heading_says_first_what_needs_a_person() {
        let step = || pair("in_step", "In step");
        let syncing = || pair("syncing", "Syncing, 33%");
        let waiting = || pair("waiting", "Waits for the network");
        let paused = || pair("paused", "Paused until 15:30");
        let cases = [
            (vec![], "Keep two folders in step"),
            (vec![step()], "Your pair is in step"),
            (vec![step(), step()], "All 2 pairs are in step"),
            (vec![step(), paused()], "1 pair is in step"),
            (vec![paused(), paused()], "Paused until 15:30"),
            (vec![paused(), pair("paused", "Paused")], "Paused"),
            (vec![step(), syncing()], "Syncing, 33%"),
            (vec![syncing(), syncing()], "2 pairs are syncing"),
            (vec![pair("looking", ""), step()], "Looking at your folders"),
            (vec![waiting(), step()], "Waits for the network"),
            (
                vec![waiting(), pair("waiting", "Waits for the keyring")],
                "2 pairs wait",
            ),
            (vec![pair("held", ""), syncing()], "1 pair needs you"),
            (
                vec![pair("held", ""), pair("sign_in", ""), pair("stopped", "")],
                "2 pairs need you, 1 has stopped",
            ),
            (vec![pair("stopped", ""), syncing()], "1 pair has stopped"),
            (
                vec![pair("stopped", ""), pair("stopped", "")],
                "2 pairs have stopped",
            ),
            (
                vec![pair("problems", ""), step()],
                "All 2 pairs are in step, 2 left out",
            ),
        ];
        for (pairs, expected) in cases {
            assert_eq!(heading(&pairs), expected);
        }
    }
}
