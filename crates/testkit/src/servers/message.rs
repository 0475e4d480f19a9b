//! A request or an answer of HTTP/1.1, read whole.

use std::io::{self, BufRead, Write};

/// A request or an answer.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// Its first line.
    pub(super) start: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// An answer with a body, which is none where there is nothing in it.
    pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Self {
        let mut answer = Self {
            start: format!("HTTP/1.1 {status} {status}"),
            headers: Vec::new(),
            body,
        };
        answer.set("content-length", &answer.body.len().to_string());
        for (name, value) in headers {
            answer.set(name, value);
        }
        answer
    }

    /// An answer that S3 gives to what it refuses ("Error responses", S3 API Reference).
    pub(super) fn refusal(status: u16, code: &str, message: &str) -> Self {
        let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let mut answer = Self {
            start: format!("HTTP/1.1 {status} {code}"),
            headers: Vec::new(),
            body: text.into_bytes(),
        };
        answer.set("content-type", "application/xml");
        answer.set("content-length", &answer.body.len().to_string());
        answer
    }

    /// The next request; `None` where the other end has nothing more to say.
    pub(super) fn read_request(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(mut message) = Self::read_head(from)? else {
            return Ok(None);
        };
        message.read_request_body(from)?;
        Ok(Some(message))
    }

    /// The answer to a request of this method.
    pub(super) fn read_answer(from: &mut impl BufRead, method: &str) -> io::Result<Self> {
        let head = Self::read_head(from)?;
        let mut message = head.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = message.status();
        if method != "HEAD" && status != 204 && status != 304 {
            message.read_body(from, true)?;
            message.set("content-length", &message.body.len().to_string());
        }
        Ok(message)
    }

    /// Reads what follows the head of a request.
    pub(super) fn read_request_body(&mut self, from: &mut impl BufRead) -> io::Result<()> {
        self.read_body(from, false)
    }

    /// The head of the next message; `None` where the other end has nothing more to say.
    pub(super) fn read_head(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let start = line(from)?;
        if start.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = line(from)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Some(Self {
            start,
            headers,
            body: Vec::new(),
        }))
    }

    /// Reads the body that the head tells of; an answer that tells of none goes on to the end.
    fn read_body(&mut self, from: &mut impl BufRead, is_answer: bool) -> io::Result<()> {
        if self.header("transfer-encoding") == Some("chunked") {
            self.remove("transfer-encoding");
            loop {
                let size = line(from)?;
                let size = size.split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
                let begin = self.body.len();
                self.body.resize(begin + size, 0);
                from.read_exact(&mut self.body[begin..])?;
                line(from)?;
                if size == 0 {
                    return Ok(());
                }
            }
        }
        match self.header("content-length").map(str::parse) {
            Some(length) => {
                self.body = vec![0; length.map_err(io::Error::other)?];
                from.read_exact(&mut self.body)
            }
            None if is_answer => from.read_to_end(&mut self.body).map(drop),
            None => Ok(()),
        }
    }

    /// Sends it; nothing follows on the same connection.
    pub(super) fn write(&self, to: &mut impl Write, with_body: bool) -> io::Result<()> {
        let mut head = format!("{}\r\nconnection: close\r\n", self.start);
        for (name, value) in &self.headers {
            if name != "connection" {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str("\r\n");
        to.write_all(head.as_bytes())?;
        if with_body {
            to.write_all(&self.body)?;
        }
        to.flush()
    }

    /// The status of an answer; 0 if it has none.
    pub(super) fn status(&self) -> u16 {
        let word = self.start.split(' ').nth(1);
        word.and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    /// The value of a header, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }

    /// Gives a header this value, in place of what it had.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a header out. Returns what it had.
    pub(super) fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.headers.iter().position(|(known, _)| known == name)?;
        Some(self.headers.remove(at).1)
    }

    /// Puts another body in place.
    pub(super) fn replace_body(&mut self, body: impl Into<Vec<u8>>) {
        self.body = body.into();
        self.set("content-length", &self.body.len().to_string());
    }
}

/// One line without its end; empty at the end of the stream.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}
