//! The macros that make of one definition all that is made of it.

/// Commands: what is read, what must be implemented and, for tests, what the page's half says.
macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        /// A call of the page.
        #[derive(Debug, Deserialize)]
        #[serde(tag = "command", content = "arguments")]
        #[allow(non_camel_case_types, reason = "the variants are the commands' names")]
        pub(crate) enum Command {
            $($(#[doc = $doc])+ $name { $($argument: $type),* }),+
        }

        /// What answers the page's calls.
        pub(crate) trait Commands {
            $($(#[doc = $doc])+ async fn $name(&self, $($argument: $type),*) -> Result<$answer, Failure>;)+
        }

        impl Command {
            /// Has it answered.
            pub(crate) async fn answer(self, desk: &Desk) -> Result<Value, Failure> {
                match self {
                    $(Self::$name { $($argument),* } => {
                        let answer: $answer = Commands::$name(desk, $($argument),*).await?;
                        serde_json::to_value(answer)
                            .map_err(|error| Fault::Protocol(error.to_string()).failure())
                    })+
                }
            }
        }

        /// Their names.
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($name)),+];

        #[cfg(test)]
        fn signatures(page: &mut typescript::PageHalf) {
            $(
                let arguments: &[(&str, String)] = &[$((stringify!($argument), page.type_of::<$type>())),*];
                let answer = page.type_of::<$answer>();
                page.command(&[$($doc),+], stringify!($name), arguments, &answer);
            )+
        }
    };
}

/// Events: what is sent, under which name and, for tests, what the page's half says.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal: $payload:ty;)+) => {
        /// What the page is told.
        #[derive(Debug, Clone)]
        pub(crate) enum Event {
            $($(#[doc = $doc])+ $variant($payload)),+
        }

        impl Event {
            /// Tells it to a window.
            pub(crate) fn send(self, window: &tauri::WebviewWindow) {
                // An error means that the window is about to go.
                let _ = match self {
                    $(Self::$variant(payload) => window.emit_to(window.label(), $name, payload)),+
                };
            }
        }

        #[cfg(test)]
        pub(super) fn event_types(page: &mut super::typescript::PageHalf) {
            $(
                let payload = page.type_of::<$payload>();
                page.event(&[$($doc),+], $name, &payload);
            )+
        }
    };
}
