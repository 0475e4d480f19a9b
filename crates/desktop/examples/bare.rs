//! The least that a tray program by Tauri can be, with Tandem's own page in it and without a window. What Tandem costs
//! at rest is measured against it.

use tauri::RunEvent;
use tauri::image::Image;
use tauri::menu::MenuBuilder;
use tauri::tray::TrayIconBuilder;

fn main() -> tauri::Result<()> {
    let app = tauri::Builder::default()
        .setup(|app| {
            let menu = MenuBuilder::new(app).text("quit", "Quit").build()?;
            TrayIconBuilder::new()
                .icon(Image::new_owned(vec![0; 4 * 64 * 64], 64, 64))
                .menu(&menu)
                .build(app)?;
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|_, event| {
        if let RunEvent::ExitRequested { api, .. } = event {
            api.prevent_exit();
        }
    });
    Ok(())
}
