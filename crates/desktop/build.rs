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
/// The sizes within the one file of icons that Windows takes, and that of macOS, with Apple's names for them.
const WINDOWS: [u32; 4] = [16, 32, 48, 256];
const MACOS: [(u32, &[u8; 4]); 4] = [
    (128, b"ic07"),
    (256, b"ic08"),
    (512, b"ic09"),
    (1024, b"ic10"),
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
    let tandem = sources.join("tandem.svg");
    keep(&folder.join("icon.ico"), &windows_icons(&tandem));
    keep(&folder.join("icon.icns"), &macos_icons(&tandem));
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

/// Several images in one file as Windows reads it, which may be PNGs ("ICO (file format)": a header of 6 bytes, an entry
/// of 16 bytes for each, then the images).
fn windows_icons(source: &Path) -> Vec<u8> {
    let images = WINDOWS.map(|size| (size, png(source, size)));
    let mut file = vec![0, 0, 1, 0];
    file.extend(u16::try_from(images.len()).expect("a few").to_le_bytes());
    let mut offset = u32::try_from(6 + 16 * images.len()).expect("a few");
    for (size, image) in &images {
        // A side of 256 is written as 0.
        let side = u8::try_from(*size).unwrap_or(0);
        let length = u32::try_from(image.len()).expect("an icon's size");
        file.extend([side, side, 0, 0, 1, 0, 32, 0]);
        file.extend(length.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset += length;
    }
    images.into_iter().for_each(|(_, image)| file.extend(image));
    file
}

/// The same as macOS reads it ("Apple Icon Image format": name and length before the whole and before each image).
fn macos_icons(source: &Path) -> Vec<u8> {
    let with_head = |name: &[u8; 4], content: Vec<u8>| {
        let length = u32::try_from(content.len() + 8).expect("an icon's size");
        [&name[..], &length.to_be_bytes(), &content].concat()
    };
    let images = MACOS.map(|(size, name)| with_head(name, png(source, size)));
    with_head(b"icns", images.concat())
}

/// Writes `source` as a square PNG.
fn render(source: &Path, size: u32, target: &Path) {
    keep(target, &png(source, size));
}

/// `source` as a square PNG.
fn png(source: &Path, size: u32) -> Vec<u8> {
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
    image.encode_png().expect("an image in memory")
}

/// Writes a file, unless the same is there: what reads it is then not built anew.
fn keep(target: &Path, content: &[u8]) {
    if std::fs::read(target).is_ok_and(|old| old == content) {
        return;
    }
    std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder for icons");
    std::fs::write(target, content).unwrap_or_else(|error| panic!("{}: {error}", target.display()));
}
