//! Servers that a test makes up: what real ones do not say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A request.
pub(crate) struct Heard {
    pub(crate) method: String,
    /// As it was sent.
    pub(crate) path: String,
    /// As it was sent; empty if there is none.
    pub(crate) query: String,
    /// By names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// A line each, with its end.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: headers.to_owned(),
            body: body.into(),
        }
    }
}

/// Starts a server that answers so for as long as the test runs. Returns where it listens.
pub(crate) fn start(answer: impl Fn(&Heard) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A connection that breaks is the client's to notice.
            std::thread::spawn(move || serve(client, &*answer));
        }
    });
    endpoint
}

fn serve(client: TcpStream, answer: &dyn Fn(&Heard) -> Answer) -> std::io::Result<()> {
    let mut to_client = client.try_clone()?;
    let heard = hear(&mut BufReader::new(client))?;
    let Answer {
        status,
        headers,
        body,
    } = answer(&heard);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    to_client.write_all(head.as_bytes())?;
    if heard.method != "HEAD" {
        to_client.write_all(&body)?;
    }
    Ok(())
}

fn hear(client: &mut BufReader<TcpStream>) -> std::io::Result<Heard> {
    let mut first = String::new();
    client.read_line(&mut first)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        client.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body)?;
    Ok(Heard {
        method: method.unwrap_or_default(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}
