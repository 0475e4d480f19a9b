//! What the file manager may be given: a folder that is one at that moment. A desktop starts whatever else it is asked to
//! open, so a file that a remote put in the place of a folder is refused.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use tandem_service::fault::Fault;
use tauri::AppHandle;
use tauri_plugin_opener::OpenerExt;

/// The folder of `file`, which is below `root`; the nearest one above it that is still there, if it is gone. `root` may be
/// a link, which is its owner's choice; below it links are not followed, for they may come from the other side.
///
/// # Errors
/// What lies there is no folder, or cannot be looked at.
pub(crate) fn folder_of(root: &Path, file: &Path) -> Result<PathBuf, Fault> {
    let mut folder = whole(root)?;
    let Some(below) = file.parent() else {
        return Ok(folder);
    };
    for part in below.components() {
        let Component::Normal(name) = part else {
            return Err(no_folder(&root.join(below)));
        };
        let next = folder.join(name);
        match next.symlink_metadata() {
            Ok(found) if found.is_dir() => folder = next,
            Ok(_) => return Err(is_file(&next)),
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(Fault::FileIo(shown(&next), error.to_string())),
        }
    }
    Ok(folder)
}

/// `root`, if it is a folder or leads to one.
///
/// # Errors
/// It is none, or cannot be looked at.
pub(crate) fn whole(root: &Path) -> Result<PathBuf, Fault> {
    match root.metadata() {
        Ok(found) if found.is_dir() => Ok(root.to_owned()),
        Ok(_) => Err(is_file(root)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(no_folder(root)),
        Err(error) => Err(Fault::FileIo(shown(root), error.to_string())),
    }
}

/// Opens `folder`, which one of the above found.
///
/// # Errors
/// What the system says.
#[cfg(all(unix, not(target_os = "macos")))]
pub(crate) fn open(app: &AppHandle, folder: &Path) -> Result<(), tauri_plugin_opener::Error> {
    app.opener()
        .open_path(folder.to_string_lossy(), None::<&str>)
}

/// Shows `folder`, which one of the above found, in the one it lies in. These systems start what they are asked to open:
/// macOS a folder whose name ends like a program's, Windows a program named like the folder.
///
/// # Errors
/// What the system says.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub(crate) fn open(app: &AppHandle, folder: &Path) -> Result<(), tauri_plugin_opener::Error> {
    app.opener().reveal_item_in_dir(folder)
}

fn is_file(path: &Path) -> Fault {
    Fault::IsFile(shown(path))
}

fn no_folder(path: &Path) -> Fault {
    Fault::NoFolder(shown(path))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_file_is_shown_and_the_nearest_one_above_where_it_is_gone() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        std::fs::create_dir_all(root.join("trips/rome")).unwrap();
        for (file, folder) in [
            ("a.txt", ""),
            ("trips/rome/1.jpg", "trips/rome"),
            ("trips/oslo/old/2.jpg", "trips"),
        ] {
            let found = folder_of(root, Path::new(file)).unwrap();
            assert_eq!(found, root.join(folder), "{file}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_that_took_a_folders_place_is_opened() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("pair");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("trips.desktop"), "[Desktop Entry]\nExec=harm\n").unwrap();
        std::os::unix::fs::symlink("trips.desktop", root.join("to_file")).unwrap();
        std::os::unix::fs::symlink(scratch.path(), root.join("to_folder")).unwrap();
        for file in [
            "trips.desktop/1.jpg",
            "trips.desktop/rome/1.jpg",
            "to_file/1.jpg",
            "to_folder/1.jpg",
        ] {
            let refused = folder_of(&root, Path::new(file)).unwrap_err();
            assert_eq!(refused.cause(), "is_file", "{file}");
        }
        for file in ["../other/1.jpg", "/etc/passwd"] {
            let refused = folder_of(&root, Path::new(file)).unwrap_err();
            assert_eq!(refused.cause(), "no_folder", "{file}");
        }
        let refused = folder_of(&root.join("trips.desktop"), Path::new("1.jpg")).unwrap_err();
        assert_eq!(refused.cause(), "is_file");
    }

    #[cfg(unix)]
    #[test]
    fn a_pairs_own_folder_may_be_a_link_to_a_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let link = scratch.path().join("photos");
        std::os::unix::fs::symlink(scratch.path(), &link).unwrap();
        assert_eq!(whole(&link).unwrap(), link);
        assert_eq!(
            whole(&scratch.path().join("gone")).unwrap_err().cause(),
            "no_folder"
        );
    }
}
