use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn ignore(side: Side, folder: &str, text: &str) -> IgnoreFile {
    IgnoreFile {
        side,
        folder: path(folder),
        text: text.to_owned(),
    }
}

/// The same files on both sides, as when they are in step.
fn filter(spec: FilterSpec, files: &[(&str, &str)]) -> Filter {
    let files = files
        .iter()
        .flat_map(|(folder, text)| Side::BOTH.map(|side| ignore(side, folder, text)));
    Filter::new(spec, files).unwrap()
}

fn bare() -> FilterSpec {
    FilterSpec {
        defaults: false,
        ..FilterSpec::default()
    }
}

/// `text` as a person would write it: a `/` at its end makes a folder. Gives the deciding rule in words.
fn say(filter: &Filter, text: &str) -> String {
    let (text, kind) = match text.strip_suffix('/') {
        Some(folder) => (folder, Kind::Folder),
        None => (text, Kind::File),
    };
    let verdict = filter.verdict(&path(text), kind, None, None, NOW);
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
    match verdict {
        Verdict::Included => "in".to_owned(),
        Verdict::Excluded { rule, through } => {
            if through.is_none() {
                // The short way says the same.
                let short = filter.within(&path(folder)).verdict(
                    &Name::new(name).unwrap(),
                    kind,
                    None,
                    None,
                    NOW,
                );
                assert_eq!(
                    short,
                    Verdict::Excluded {
                        rule: rule.clone(),
                        through: None
                    }
                );
            }
            rule.to_string()
        }
    }
}

/// Cases from gitignore's manual, and those where git is easily misread; each checked with `git check-ignore`.
#[test]
fn patterns_mean_what_they_mean_to_git() {
    for (text, out, kept) in [
        ("# foo\n\n", "", "foo,# foo"),
        ("\\#foo\n\\!bar", "#foo,a/!bar", "foo,bar"),
        ("foo  \nbar\\ ", "foo,bar ", "bar"),
        ("hello.*\n", "hello.txt,a/hello.java", "hello"),
        ("/hello.*\n", "hello.txt", "a/hello.java"),
        ("foo/\n", "foo/,a/foo/", "foo,a/foo"),
        ("doc/frotz\n", "doc/frotz", "a/doc/frotz"),
        ("/doc/frotz/\n", "doc/frotz/", "doc/frotz,a/doc/frotz/"),
        (
            "foo/*\n",
            "foo/test.json,foo/bar/,foo/bar/hello.c",
            "foo/,foo",
        ),
        ("**/foo/bar\n", "foo/bar,a/foo/bar,a/b/foo/bar", "foo/a/bar"),
        ("abc/**\n", "abc/x,abc/x/y", "abc/"),
        ("a/**/b\n", "a/b,a/x/b,a/x/y/b", "ab,x/a/b"),
        ("a**b\n", "ab,axxb", "a/b"),
        ("***/a\n", "a,x/a,x/y/a", "b"),
        ("*\n!*/\n!*.c\n", "a,x/a", "x/,x/y/,x/y/a.c"),
        // A file below an excluded folder cannot come back.
        ("/x/\n!/x/keep\n", "x/keep", "keep"),
        ("/x/*\n!/x/keep\n", "x/other", "x/keep"),
        ("*.o\n!a.o\na.o\n", "a.o", "a"),
        (
            "[a-c]1\n[!a-c]2\n[[:digit:]]3\n[]x]4",
            "a1,d2,13,]4,x4",
            "d1,a2,a3,y4",
        ),
        ("a[/]b\na[!x]b\n[+-9]z", "aab,+z,9z", "a/b,axb,/z"),
        ("{a,b}\n*.{c}\n", "{a,b},x.{c}", "a,b,x.c"),
        ("[!^]\n[^!]q", "a,b,aq", "^,!q"),
        ("[é]\n", "é,a/é", "e"),
        ("tab\t\n", "tab\t", "tab"),
        ("\u{FEFF}bom\r\nnext\r\n", "bom,next", "\u{FEFF}bom"),
        ("!\n/\n!/\n", "", "a,b/"),
        ("*\\*\n\\a\\b", "x*,ab", "x,a"),
        ("Foo\n", "Foo", "foo,FOO"),
    ] {
        let filter = filter(bare(), &[("", text)]);
        let each = |list: &'static str| {
            list.split(',')
                .filter(|item| !item.is_empty() && *item != "/z")
        };
        // A name with a comma in it stands in braces.
        let out = if text.starts_with('{') {
            vec!["{a,b}", "x.{c}"]
        } else {
            each(out).collect()
        };
        for item in out {
            assert_ne!(say(&filter, item), "in", "{text:?} {item:?}");
        }
        for item in each(kept) {
            assert_eq!(say(&filter, item), "in", "{text:?} {item:?}");
        }
    }
}

#[test]
fn the_nearest_file_and_in_it_the_last_line_decides() {
    let filter = filter(
        bare(),
        &[
            ("", "*.log\n*.tmp\nsecret/\n"),
            ("a", "!keep.log\n/x\n"),
            ("a/b", "keep.log\n!keep.log\n*.md\n"),
            ("secret", "!*\n"),
        ],
    );
    for (item, said) in [
        ("x.log", ".tandemignore:1 *.log"),
        ("a/x.log", ".tandemignore:1 *.log"),
        ("keep.log", ".tandemignore:1 *.log"),
        ("a/keep.log", "in"),
        ("a/b/keep.log", "in"),
        ("a/b/c/keep.log", "in"),
        ("a/x", "a/.tandemignore:2 /x"),
        ("a/b/x", "in"),
        ("x", "in"),
        ("a/b/c/z.md", "a/b/.tandemignore:3 *.md"),
        ("a/z.md", "in"),
        ("secret/", ".tandemignore:3 secret/"),
        ("secret/x/y", ".tandemignore:3 secret/"),
        // The files themselves are always carried, with their folder.
        (".tandemignore", "in"),
        ("a/.tandemignore", "in"),
        ("secret/.tandemignore", ".tandemignore:3 secret/"),
    ] {
        assert_eq!(say(&filter, item), said, "{item}");
    }
    let below = filter.verdict(&path("secret/x/y"), Kind::File, None, None, NOW);
    assert!(
        matches!(&below, Verdict::Excluded { through: Some(folder), .. } if folder.as_str() == "secret"),
        "{below:?}"
    );
}

#[test]
fn either_side_leaves_out_and_neither_brings_back_for_the_other() {
    let files = [
        ignore(Side::Source, "", "*.a\n!x.b\n!x.part\n"),
        ignore(Side::Destination, "", "*.b\n!x.a\n"),
        ignore(Side::Destination, "d", "!*.b\n"),
    ];
    let filter = Filter::new(FilterSpec::default(), files).unwrap();
    for (item, said) in [
        ("x.a", ".tandemignore:1 *.a"),
        ("x.b", ".tandemignore:1 *.b"),
        ("d/x.b", "in"),
        ("d/x.a", ".tandemignore:1 *.a"),
        ("x.c", "in"),
        // One `!` is not enough against the default list that holds on both sides.
        ("x.part", "default_list *.part"),
    ] {
        assert_eq!(say(&filter, item), said, "{item}");
    }
    let rule = filter.verdict(&path("x.b"), Kind::File, None, None, NOW);
    assert!(
        matches!(
            rule,
            Verdict::Excluded {
                rule: Rule::IgnoreFile {
                    side: Side::Destination,
                    ..
                },
                ..
            }
        ),
        "{rule:?}"
    );
}

#[test]
fn the_pairs_patterns_leave_out_for_good_and_bring_back_from_the_default_list() {
    let spec = FilterSpec {
        patterns: vec![
            "*.iso".to_owned(),
            "!*.part".to_owned(),
            "!.config".to_owned(),
            "!*.log".to_owned(),
        ],
        hidden: false,
        ..FilterSpec::default()
    };
    let filter = filter(spec, &[("", "!*.iso\n!.bashrc\n*.log\n")]);
    for (item, said) in [
        ("a/x.iso", "pattern:1 *.iso"),
        ("a/x.part", "in"),
        ("x.crdownload", "default_list *.crdownload"),
        ("x.log", ".tandemignore:3 *.log"),
        (".config/", "in"),
        (".config/x", "in"),
        (".bashrc", "in"),
        (".profile", "hidden"),
        (".cache/x", "hidden"),
        (".tandemignore", "in"),
        (".tandem/", "reserved"),
        ("a/.TANDEM-x", "reserved"),
    ] {
        assert_eq!(say(&filter, item), said, "{item}");
    }
}

#[test]
fn reserved_names_do_not_come_back_by_any_pattern() {
    let spec = FilterSpec {
        patterns: vec!["!.tandem*".to_owned()],
        ..FilterSpec::default()
    };
    let filter = filter(spec, &[("", "!.tandem*\n!.tandem/**\n")]);
    assert_eq!(say(&filter, ".tandem/root"), "reserved");
    assert_eq!(say(&filter, "a/b/.tandem-staged-1"), "reserved");
}

#[test]
fn chosen_subfolders_are_carried_with_the_way_to_them() {
    let spec = FilterSpec {
        chosen: vec![path("a/b"), path("c"), path("a/b/d")],
        ..bare()
    };
    let filter = filter(spec, &[("", "*.log\n")]);
    for (item, said) in [
        ("a/", "in"),
        ("a/b/", "in"),
        ("a/b/x/y", "in"),
        ("a/b/x.log", ".tandemignore:1 *.log"),
        ("c/", "in"),
        ("c/x", "in"),
        ("a/x", "not_chosen"),
        ("a/bb/", "not_chosen"),
        ("x", "not_chosen"),
        ("d/x", "not_chosen"),
        // A file in place of a folder on the way leads nowhere.
        ("a", "not_chosen"),
        ("c", "in"),
        (".tandemignore", "in"),
        ("a/.tandemignore", "in"),
        ("d/.tandemignore", "not_chosen"),
    ] {
        assert_eq!(say(&filter, item), said, "{item}");
    }
    let all = FilterSpec {
        chosen: vec![RelPath::root(), path("a")],
        ..bare()
    };
    assert_eq!(say(&Filter::new(all, []).unwrap(), "x/y"), "in");
}

#[test]
fn size_and_age_count_for_files_where_they_are_known() {
    let spec = FilterSpec {
        max_size: Some(100),
        min_size: Some(10),
        max_age: Some(3_600),
        min_age: Some(60),
        ..bare()
    };
    let filter = Filter::new(spec, []).unwrap();
    assert!(filter.depends_on_time());
    let ago = |secs: i64| Some(Timestamp::from_secs(NOW.secs() - secs));
    let item = path("a/x");
    for (kind, size, mtime, said) in [
        (Kind::File, Some(100), None, "in"),
        (Kind::File, Some(101), None, "max_size 100"),
        (Kind::File, Some(10), None, "in"),
        (Kind::File, Some(9), None, "min_size 10"),
        (Kind::File, None, ago(3_600), "in"),
        (Kind::File, None, ago(3_601), "max_age 3600"),
        (Kind::File, None, ago(60), "in"),
        (Kind::File, None, ago(59), "min_age 60"),
        (Kind::File, None, ago(-100), "min_age 60"),
        (Kind::File, None, None, "in"),
        (Kind::Folder, Some(0), ago(9_999), "in"),
        (Kind::Symlink, Some(0), ago(9_999), "in"),
    ] {
        let verdict = filter.verdict(&item, kind, size, mtime, NOW);
        let words = match verdict {
            Verdict::Included => "in".to_owned(),
            Verdict::Excluded { rule, .. } => rule.to_string(),
        };
        assert_eq!(words, said, "{kind:?} {size:?} {mtime:?}");
    }
    let ignore_file = filter.verdict(&path(IGNORE_FILE), Kind::File, Some(9_999), ago(9_999), NOW);
    assert!(ignore_file.is_included());
}

#[test]
fn the_default_list_means_junk_locks_and_unfinished_downloads_only() {
    let filter = Filter::new(FilterSpec::default(), []).unwrap();
    for (item, is_junk_too) in [
        (".DS_Store", true),
        ("a/b/thumbs.db", true),
        ("Desktop.ini", true),
        ("Icon\r", true),
        (".~lock.report.odt#", true),
        ("~$report.docx", true),
        (".#main.rs", true),
        ("~WRL0001.tmp", false),
        (".main.rs.swp", false),
        ("#main.rs#", false),
        ("film.mkv.part", false),
        ("Film.MKV.crdownload", false),
        (".syncthing.x.tmp", false),
        ("._sync_0a1b.db-wal", false),
        ("lost+found/", false),
        ("$Recycle.Bin/", false),
        (".Trash-1000/", false),
        ("page.download/", false),
    ] {
        assert!(say(&filter, item).starts_with("default_list "), "{item}");
        let name = path(item.trim_end_matches('/')).name().unwrap();
        assert_eq!(is_junk(&name), is_junk_too, "{item}");
    }
    for item in [
        "x.tmp",
        "x.bak",
        "notes~",
        "Cargo.lock",
        "x.lck",
        "data.ldb",
        "app.db-wal",
        "app.sqlite-journal",
        "movie.part1.rar",
        "part",
        "page.download",
        "lost+found",
        "my.swp",
        ".swp",
        ".directory",
        "._resource",
        "~",
        "#",
        "Icon",
        ".git/",
        "node_modules/",
        "x.dwg",
        ".nfsrc",
        // A person may call a folder what only files of a program are called.
        "Piano.part/",
        "x.partial/",
        "x.aria2/",
        "~$notes/",
        "Thumbs.db/",
    ] {
        assert_eq!(say(&filter, item), "in", "{item}");
    }
    let off = Filter::new(bare(), []).unwrap();
    assert_eq!(say(&off, ".DS_Store"), "in");
    // Every line can be found by its own text.
    for pattern in default_list::patterns() {
        let name = pattern.replace('*', "0");
        let found = match name.strip_suffix('/') {
            Some(folder) => default_list::find(folder, Kind::Folder),
            None => default_list::find(&name, Kind::File),
        };
        assert!(found.is_some(), "{pattern:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named_by_file_and_line() {
    for (text, line) in [
        ("ok\n[ab\n", 2),
        ("back\\", 1),
        ("a\n\n[z-a]\n", 3),
        ("[[:nope:]]", 1),
        ("[[:alpha]", 1),
        ("[а-я]", 1),
        ("[!é]", 1),
    ] {
        let error = Filter::new(bare(), [ignore(Side::Destination, "a/b", text)]).unwrap_err();
        assert_eq!(
            error.file,
            Some((Side::Destination, path("a/b"))),
            "{text:?}"
        );
        assert_eq!(error.line, line, "{text:?}");
        let words = error.to_string();
        assert!(
            words.starts_with(&format!(
                "a/b/.tandemignore on the destination, line {line}: "
            )),
            "{words}"
        );
    }
    let spec = FilterSpec {
        patterns: vec!["*.o".to_owned(), "a[".to_owned()],
        ..bare()
    };
    let error = Filter::new(spec, []).unwrap_err();
    assert_eq!((error.file, error.line), (None, 2));
}

#[test]
fn the_digest_follows_everything_that_decides_and_nothing_else() {
    let base = filter(FilterSpec::default(), &[("", "a\n")]);
    let changed = |change: fn(&mut FilterSpec)| {
        let mut spec = FilterSpec::default();
        change(&mut spec);
        filter(spec, &[("", "a\n")]).digest()
    };
    let mut digests = vec![
        base.digest(),
        changed(|s| s.hidden = false),
        changed(|s| s.defaults = false),
        changed(|s| s.max_size = Some(1)),
        changed(|s| s.min_size = Some(1)),
        changed(|s| s.max_age = Some(1)),
        changed(|s| s.min_age = Some(1)),
        changed(|s| s.patterns = vec!["a".to_owned()]),
        changed(|s| s.patterns = vec!["a".to_owned(), String::new()]),
        changed(|s| s.chosen = vec![path("a"), path("b")]),
        filter(FilterSpec::default(), &[("", "b\n")]).digest(),
        filter(FilterSpec::default(), &[("a", "a\n")]).digest(),
        filter(FilterSpec::default(), &[]).digest(),
        Filter::new(FilterSpec::default(), [ignore(Side::Source, "", "a\n")])
            .unwrap()
            .digest(),
        Filter::new(
            FilterSpec::default(),
            [ignore(Side::Destination, "", "a\n")],
        )
        .unwrap()
        .digest(),
    ];
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
    assert_eq!(
        filter(FilterSpec::default(), &[("", "a\n")]).digest(),
        base.digest()
    );
    assert_eq!(
        changed(|s| s.chosen = vec![path("b"), path("a")]),
        changed(|s| s.chosen = vec![path("a"), path("b"), path("a")])
    );
    // The settings alone, without the default list: what is stored today is compared by later versions.
    assert_eq!(Filter::new(bare(), []).unwrap().digest(), STORED);
}

/// See the end of the test above. If it changes, every pair plans a migration of its filter once.
const STORED: u64 = 3_426_447_301_768_474_660;
