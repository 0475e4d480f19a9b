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
            /// Its name, and what it carries.
            pub(crate) fn into_parts(self) -> (&'static str, serde_json::Value) {
                match self {
                    // What is told has text for keys and no numbers that JSON lacks.
                    $(Self::$variant(payload) => ($name, serde_json::to_value(payload).unwrap_or_default())),+
                }
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
