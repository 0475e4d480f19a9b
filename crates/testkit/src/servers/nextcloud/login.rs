//! Login flow v2 (docs.nextcloud.com/server/latest/developer_manual/client_apis/LoginFlow/index.html; nextcloud/server,
//! core/Controller/ClientFlowLoginV2Controller.php), and what a client asks of the account then (OCS).

use super::{PASSWORD, State, USERNAME, refusal};
use crate::servers::message::Message;

/// A sign-in that was begun.
#[derive(Debug)]
struct Flow {
    poll: String,
    login: String,
    is_granted: bool,
}

/// All that were.
#[derive(Debug, Default)]
pub(super) struct Logins {
    flows: Vec<Flow>,
    count: u64,
    /// Another server's address, which is told instead of this one's.
    pub(super) misled: Option<String>,
}

impl Logins {
    /// A person opens this address and lets the client in.
    pub(super) fn grant(&mut self, address: &str) -> bool {
        let token = address.rsplit('/').next().unwrap_or_default();
        let flow = self.flows.iter_mut().find(|flow| flow.login == token);
        flow.map(|flow| flow.is_granted = true).is_some()
    }
}

impl State {
    /// The answer to a request that needs no password; `None` if it is none of those.
    pub(super) fn sign_in(&mut self, message: &Message) -> Option<Message> {
        let mut words = message.start.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let path = path.strip_prefix("/index.php").unwrap_or(path);
        match (method, path) {
            ("POST", "/login/v2") => Some(self.begin(message)),
            ("POST", "/login/v2/poll") => Some(self.poll(message)),
            ("GET", path) => {
                let token = path.strip_prefix("/login/v2/flow/")?;
                let is_known = self.logins.flows.iter().any(|flow| flow.login == token);
                let (status, said) = if is_known {
                    (200, "Connect to your account: Tandem")
                } else {
                    (403, "Your login token is invalid or has expired")
                };
                let headers = [("content-type", "text/html; charset=utf-8")];
                Some(Message::answer(status, &headers, said.into()))
            }
            _ => None,
        }
    }

    fn begin(&mut self, message: &Message) -> Message {
        let logins = &mut self.logins;
        logins.count += 1;
        let (poll, login) = (
            format!("poll{}", logins.count),
            format!("login{}", logins.count),
        );
        let own = format!("http://{}", message.header("host").unwrap_or_default());
        let server = logins.misled.clone().unwrap_or(own);
        let text = serde_json::json!({
            "poll": { "token": poll, "endpoint": format!("{server}/login/v2/poll") },
            "login": format!("{server}/login/v2/flow/{login}"),
        });
        logins.flows.push(Flow {
            poll,
            login,
            is_granted: false,
        });
        json(200, &text)
    }

    /// 404 until the person is done, and again once it was told.
    fn poll(&mut self, message: &Message) -> Message {
        let body = String::from_utf8_lossy(&message.body);
        let token = body.strip_prefix("token=").unwrap_or_default();
        let flows = &mut self.logins.flows;
        let at = flows
            .iter()
            .position(|flow| flow.poll == token && flow.is_granted);
        let Some(at) = at else {
            return json(404, &serde_json::json!([]));
        };
        flows.remove(at);
        let server = format!("http://{}", message.header("host").unwrap_or_default());
        let text = serde_json::json!({
            "server": server, "loginName": USERNAME, "appPassword": PASSWORD,
        });
        json(200, &text)
    }

    /// What is told of the account and of the server to whoever may know; `None` if something else is asked.
    pub(super) fn ocs(&self, message: &Message) -> Option<Message> {
        let path = message.start.split(' ').nth(1)?.split('?').next()?;
        let within = path
            .strip_prefix("/ocs/v1.php/")
            .or_else(|| path.strip_prefix("/ocs/v2.php/"))?;
        let data = match within {
            "cloud/user" => serde_json::json!({ "id": USERNAME, "display-name": "A user" }),
            "cloud/capabilities" => serde_json::json!({
                "version": { "major": 31, "minor": 0, "micro": 0, "string": "31.0.0", "edition": "",
                    "extendedSupport": false },
                "capabilities": {
                    "dav": { "chunking": "1.0" },
                    "files": { "bigfilechunking": true, "undelete": true, "versioning": true },
                },
            }),
            _ => return Some(refusal(404, "There is no such call")),
        };
        let meta = serde_json::json!({ "status": "ok", "statuscode": 100, "message": "OK" });
        let text = serde_json::json!({ "ocs": { "meta": meta, "data": data } });
        Some(json(200, &text))
    }
}

fn json(status: u16, text: &serde_json::Value) -> Message {
    let headers = [("content-type", "application/json; charset=utf-8")];
    Message::answer(status, &headers, text.to_string().into_bytes())
}
