//! A bus of a test's own. Each such test runs its inner half, which is ignored otherwise, in the same binary there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A bus that starts no service by itself: whoever is not there yet is not there.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Runs `inner` on a bus of its own after `before`, with a home in `home`.
pub(crate) fn on_a_private_bus(home: &Path, before: &str, inner: &str) {
    let runtime = home.join("runtime");
    std::fs::create_dir_all(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
    let script =
        format!(r#"{before}; exec "$0" --exact {inner} --ignored --nocapture --test-threads 1"#);
    let bus = home.join("bus.conf");
    std::fs::write(&bus, BUS).unwrap();
    let output = Command::new("dbus-run-session")
        .arg(format!("--config-file={}", bus.display()))
        .args(["--", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_RUNTIME_DIR", &runtime)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("GNOME_KEYRING_CONTROL")
        .output()
        .expect("dbus-run-session is needed: apt-get install dbus gnome-keyring libsecret-tools");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{inner}: {out}\n{err}");
    assert!(
        out.contains("1 passed"),
        "{inner} did not run: {out}\n{err}"
    );
}
