//! Somebody who edits the files of a database by SQL alone, through the tables that `docs/providers/db.md` describes and
//! by the rules that it gives for whoever writes them: by Python's sqlite3, and by PostgreSQL's own client.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use tandem_testkit::servers::postgres::PostgresServer;

/// The folder of the pair, below the top.
const FOLDER: &str = "documents";

/// Runs a line of SQL after the other and prints rows as psql does.
const PYTHON: &str = "
import sqlite3, sys
files = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
files.execute('PRAGMA foreign_keys = ON')
for line in sys.stdin:
    for row in files.execute(line):
        print('|'.join(map(str, row)))
";

/// A database that is edited.
pub(crate) struct Tables {
    database: Database,
    /// Where everything in it is shown as files.
    scratch: PathBuf,
}

enum Database {
    Sqlite(PathBuf),
    Postgres(PostgresServer),
}

impl Tables {
    pub(crate) fn of_sqlite(file: &Path, scratch: PathBuf) -> Self {
        Self {
            database: Database::Sqlite(file.to_owned()),
            scratch,
        }
    }

    pub(crate) fn of_postgres(server: PostgresServer, scratch: PathBuf) -> Self {
        Self {
            database: Database::Postgres(server),
            scratch,
        }
    }

    /// Runs statements, and gives the rows that they lead to.
    fn ask(&self, statements: &[String]) -> Vec<String> {
        let said = match &self.database {
            Database::Sqlite(file) => {
                let mut child = Command::new("python3")
                    .args(["-c", PYTHON])
                    .arg(file)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                let lines: String = statements.iter().map(|one| format!("{one}\n")).collect();
                child
                    .stdin
                    .take()
                    .unwrap()
                    .write_all(lines.as_bytes())
                    .unwrap();
                let done = child.wait_with_output().unwrap();
                assert!(done.status.success(), "{statements:?}");
                String::from_utf8(done.stdout).unwrap()
            }
            Database::Postgres(server) => server.sql(&statements.join("; ")).unwrap(),
        };
        said.lines().map(str::to_owned).collect()
    }

    /// The content that an upload is adding to, and how many bytes of it have arrived.
    pub(crate) fn under_way(&self) -> Option<(String, u64)> {
        let rows = self.query("SELECT content, received FROM tandem_uploads".to_owned());
        let (content, received) = rows.first()?.split_once('|')?;
        Some((content.to_owned(), received.parse().unwrap()))
    }

    /// The content of the file of this name.
    pub(crate) fn content_of(&self, name: &str) -> Option<String> {
        self.query(format!(
            "SELECT content FROM tandem_items WHERE name = '{name}'"
        ))
        .pop()
    }

    fn query(&self, statement: String) -> Vec<String> {
        self.ask(&[statement])
    }

    /// Bytes as the database writes them.
    fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.database {
            Database::Sqlite(_) => format!("X'{hex}'"),
            Database::Postgres(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    /// A column of bytes as hexadecimal digits.
    fn hex(&self, column: &str) -> String {
        match self.database {
            Database::Sqlite(_) => format!("hex({column})"),
            Database::Postgres(_) => format!("encode({column}, 'hex')"),
        }
    }

    /// One transaction as the document says, in which so many numbers are taken before `change`.
    fn change(&self, numbers: u64, change: Vec<String>) {
        let (begin, end): (&[&str], &[&str]) = match self.database {
            Database::Sqlite(_) => (&["BEGIN IMMEDIATE"], &["COMMIT"]),
            Database::Postgres(_) => (
                &["BEGIN", "SELECT one FROM tandem_clock FOR UPDATE"],
                &["SELECT pg_notify('tandem', current_schema())", "COMMIT"],
            ),
        };
        let take = "UPDATE tandem_clock SET sequence = sequence + 1 RETURNING sequence";
        let begin = begin.iter().map(|&one| one.to_owned());
        let taken = (0..numbers).map(|_| take.to_owned());
        let end = end.iter().map(|&one| one.to_owned());
        let all: Vec<String> = begin.chain(taken).chain(change).chain(end).collect();
        self.ask(&all);
    }

    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let item = item(path);
        let is_there = format!("SELECT id FROM tandem_items WHERE id = {item} AND kind = 'file'");
        if self.query(is_there).is_empty() {
            return None;
        }
        let data = self.hex("k.data");
        let rows = self.query(format!(
            "SELECT {data} FROM tandem_items i JOIN tandem_chunks k ON k.content = i.content WHERE i.id = {item} \
             ORDER BY k.position"
        ));
        Some(rows.iter().flat_map(|row| unhex(row)).collect())
    }

    /// Gives a file of one chunk this content, and makes it where it is not there.
    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        let (item, now) = (item(path), now());
        let (parent, name) = place(path);
        let (content_id, revision) = (number(2), number(1));
        let blake3 = self.bytes(blake3::hash(content).as_bytes());
        let (size, data) = (content.len(), self.bytes(content));
        let mut change = replaced(&item).to_vec();
        change.extend([
            format!("INSERT INTO tandem_contents (id, size, blake3) VALUES ({content_id}, {size}, {blake3})"),
            format!("INSERT INTO tandem_chunks (content, position, data) VALUES ({content_id}, 0, {data})"),
            format!(
                "INSERT INTO tandem_items (id, parent, name, kind, mtime_by_client, executable, revision) \
                 SELECT {revision}, {parent}, '{name}', 'file', 0, 0, 0 WHERE {item} IS NULL"
            ),
            format!(
                "UPDATE tandem_items SET kind = 'file', mtime = {now}, mtime_by_client = 0, content = {content_id}, \
                 revision = {revision} WHERE id = {item}"
            ),
        ]);
        change.extend(told(&item));
        change.extend(let_go());
        self.change(3, change);
    }

    pub(crate) fn delete(&self, path: &str) -> bool {
        let item = item(path);
        if self.read(path).is_none() {
            return false;
        }
        let mut change = replaced(&item).to_vec();
        change.extend(told(&item));
        change.push(format!("DELETE FROM tandem_items WHERE id = {item}"));
        change.extend(let_go());
        self.change(1, change);
        true
    }

    /// Renames a file; nothing is done where something is in the way.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let (item, there) = (item(from), item(to));
        let (parent, name) = place(to);
        let mut change = told(&item).to_vec();
        change.push(format!(
            "UPDATE tandem_items SET parent = {parent}, name = '{name}' WHERE id = {item} AND {there} IS NULL"
        ));
        self.change(1, change);
    }

    /// Everything in the folder, as files; what is kept as versions too, where other storages keep those.
    pub(crate) fn all(&self) -> PathBuf {
        let folder = self.scratch.join("all");
        let _ = std::fs::remove_dir_all(&folder);
        let data = self.hex("k.data");
        let top = item("");
        let rows = self.query(format!(
            "WITH RECURSIVE tree (id, path) AS (SELECT id, name FROM tandem_items WHERE parent = {top} UNION ALL \
             SELECT i.id, tree.path || '/' || i.name FROM tandem_items i JOIN tree ON i.parent = tree.id) \
             SELECT tree.path, {data} FROM tree JOIN tandem_items i ON i.id = tree.id \
             LEFT JOIN tandem_chunks k ON k.content = i.content WHERE i.kind = 'file' ORDER BY tree.path, k.position"
        ));
        let kept = self.query(format!(
            "SELECT '.tandem/versions/' || v.id, {data} FROM tandem_versions v \
             JOIN tandem_chunks k ON k.content = v.content ORDER BY v.id, k.position"
        ));
        for row in rows.iter().chain(&kept) {
            let (path, data) = row.split_once('|').unwrap();
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .unwrap();
            file.write_all(&unhex(data)).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

/// What leads to the item at a path below the folder.
fn item(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty());
    std::iter::once(FOLDER)
        .chain(names)
        .fold("0".to_owned(), |parent, name| {
            format!("(SELECT id FROM tandem_items WHERE parent = {parent} AND name = '{name}')")
        })
}

/// What leads to the folder of a path, and its name in there.
fn place(path: &str) -> (String, &str) {
    match path.rsplit_once('/') {
        Some((folder, name)) => (item(folder), name),
        None => (item(""), path),
    }
}

/// The number that was taken so many before the last.
fn number(before: u64) -> String {
    format!("(SELECT sequence - {before} FROM tandem_clock)")
}

/// Remembers the content of an item that is about to be replaced.
fn replaced(item: &str) -> [String; 2] {
    [
        "CREATE TEMPORARY TABLE replaced (id BIGINT)".to_owned(),
        format!(
            "INSERT INTO replaced SELECT content FROM tandem_items WHERE id = {item} AND content IS NOT NULL"
        ),
    ]
}

/// What was replaced goes, unless something else points to it.
fn let_go() -> [String; 2] {
    [
        "DELETE FROM tandem_contents WHERE id IN (SELECT id FROM replaced) \
         AND NOT EXISTS (SELECT 1 FROM tandem_items i WHERE i.content = tandem_contents.id) \
         AND NOT EXISTS (SELECT 1 FROM tandem_versions v WHERE v.content = tandem_contents.id)"
            .to_owned(),
        "DROP TABLE replaced".to_owned(),
    ]
}

/// The feed tells that the item was touched, by the number taken last, in place of what it told of it before.
fn told(item: &str) -> [String; 2] {
    let (sequence, now) = (number(0), now());
    [
        format!("DELETE FROM tandem_changes WHERE item = {item}"),
        format!(
            "INSERT INTO tandem_changes (item, sequence, at) \
             SELECT id, {sequence}, {now} FROM tandem_items WHERE id = {item}"
        ),
    ]
}

fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_nanos()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
