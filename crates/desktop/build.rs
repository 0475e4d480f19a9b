//! Renders the icons and tells Tauri which commands the page may call.

use std::path::{Path, PathBuf};

use resvg::{tiny_skia, usvg};

// Of the commands, which are defined once, only the names matter here.
macro_rules! commands {
    ($($(#[$doc:meta])+ $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        const COMMANDS: &[&str] = &[$(stringify!($name)),+];
    };
}
include!("src/bridge/commands.in.rs");

/// The sizes of the program's own icon, in pixels, and the file each is written to.
const APP: [(u32, &str); 4] = [
    (32, "32x32.png"),
    (128, "128x128.png"),
    (256, "128x128@2x.png"),
    (512, "icon.png"),
];
/// A tray's icon is scaled down by the desktop that shows it.
const TRAY: u32 = 64;
const STATES: [&str; 5] = ["idle", "syncing", "paused", "needs-you", "error"];

fn main() {
    render_icons();
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("{error:#}");
    }
}

fn render_icons() {
    let sources = Path::new("../../icons");
    println!("cargo::rerun-if-changed={}", sources.display());
    let folder = Path::new("gen/icons");
    for (size, name) in APP {
        render(&sources.join("tandem.svg"), size, &folder.join(name));
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    for state in STATES {
        for theme in ["light", "dark"] {
            let source = sources.join(format!("tray/tandem-{state}-{theme}-32.svg"));
            render(
                &source,
                TRAY,
                &out.join(format!("tray-{state}-{theme}.png")),
            );
        }
    }
}

/// Writes `source` as a square PNG, unless the same is there: what reads it is then not built anew.
fn render(source: &Path, size: u32, target: &Path) {
    let svg = std::fs::read(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let tree = usvg::Tree::from_data(&svg, &usvg::Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let mut image = tiny_skia::Pixmap::new(size, size).expect("a size above zero");
    #[allow(clippy::cast_precision_loss, reason = "an icon's size")]
    let scale = size as f32 / tree.size().width();
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(scale, scale),
        &mut image.as_mut(),
    );
    let png = image.encode_png().expect("an image in memory");
    if std::fs::read(target).is_ok_and(|old| old == png) {
        return;
    }
    std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder for icons");
    std::fs::write(target, png).unwrap_or_else(|error| panic!("{}: {error}", target.display()));
}
