//! The calls that a pass makes, by its own count and by the system's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tandem_core::side::Side;

use crate::child::{self, End};
use crate::pair::Pair;
use crate::points;
use crate::workload::Workload;

/// Every call by which a file, a folder or a name can be changed; with a question mark, one that some machines have not.
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,pwritev2,?sendfile,splice,copy_file_range,\
    truncate,ftruncate,fallocate,?utime,?utimes,?futimesat,utimensat,?chmod,fchmod,fchmodat,?chown,fchown,?lchown,\
    fchownat,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,?open,?creat,openat,openat2,?link,\
    linkat,?unlink,unlinkat,?rmdir,?symlink,symlinkat,?mkdir,mkdirat,?mknod,mknodat,?rename,?renameat,renameat2,\
    fsync,fdatasync,sync,syncfs,sync_file_range";

/// How often each call was made by one pass, as it counted itself and as the system saw it.
pub(crate) fn compare(workload: &Workload) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let folder = tempfile::tempdir().unwrap();
    let (pair, people) = workload.make(folder.path());
    people.rest();
    let seen = folder.path().join("seen");
    // Descriptors are shown with the paths that they lead to.
    let before = [
        "strace",
        "-f",
        "-y",
        "-e",
        CALLS,
        "-o",
        seen.to_str().unwrap(),
    ];
    let output = child::command(&pair, 0, &before).output().unwrap();
    let End::Done(calls) = child::end(&pair, &output).unwrap() else {
        unreachable!("nothing was to kill it");
    };
    let lines = std::fs::read_to_string(seen).unwrap();
    let mut found = BTreeMap::new();
    for name in lines.lines().filter_map(|line| change_of(&pair, line)) {
        *found.entry(name.to_owned()).or_default() += 1;
    }
    (points::by_system_name(&calls), found)
}

/// The name of the call in `line`, if that changes what the pair has.
fn change_of<'a>(pair: &Pair, line: &'a str) -> Option<&'a str> {
    let (_, call) = line.split_once(' ')?;
    let (name, arguments) = call.trim_start().split_once('(')?;
    let folders = Side::BOTH.map(|side| pair.side(side));
    let state = pair.state();
    let mut places = folders.iter().map(PathBuf::as_path).chain(state.parent());
    let is_of_pair = places.any(|place| arguments.contains(place.to_str().unwrap_or("\0")));
    let opens = name.starts_with("open");
    let makes = arguments.contains("O_CREAT") || arguments.contains("O_TMPFILE");
    (is_of_pair && (!opens || makes)).then_some(name)
}
