//! Told by NetworkManager and UPower over the system bus.
//!
//! `Metered` of NetworkManager (<https://networkmanager.dev/docs/api/latest/gdbus-org.freedesktop.NetworkManager.html>,
//! `NMMetered` in nm-dbus-types) is a guess where a person did not say; `OnBattery` of UPower and the `Percentage` of its
//! composite display device are at <https://upower.freedesktop.org/docs/>. Either may be missing, come later and go.

use std::time::Duration;

use futures_util::stream::{self, SelectAll, StreamExt};
use zbus::connection::Builder;
use zbus::message::Type;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, MatchRule, MessageStream};

use super::{Surroundings, Teller, Told};

const NETWORK_MANAGER: &str = "org.freedesktop.NetworkManager";
const NETWORK_MANAGER_PATH: &str = "/org/freedesktop/NetworkManager";
/// `NM_METERED_YES` and `NM_METERED_GUESS_YES`.
const METERED: [u32; 2] = [1, 3];

const UPOWER: &str = "org.freedesktop.UPower";
const UPOWER_PATH: &str = "/org/freedesktop/UPower";
const UPOWER_DEVICE: &str = "org.freedesktop.UPower.Device";
const DISPLAY_DEVICE: &str = "/org/freedesktop/UPower/devices/DisplayDevice";

const BUS: &str = "org.freedesktop.DBus";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Whoever does not answer so soon tells nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// A bus that is not there is looked for this often.
const AGAIN: Duration = Duration::from_secs(60);
/// As many signals wait.
const SIGNALS: usize = 16;

/// The system bus.
#[derive(Debug, Clone)]
pub(super) struct SystemBus {
    /// Where it is, if not where it usually is.
    address: Option<String>,
}

/// How far the telling is.
enum Stage {
    New,
    Connected(Box<Bus>),
    Absent,
}

struct Bus {
    connection: Connection,
    signals: SelectAll<MessageStream>,
}

impl SystemBus {
    /// Where it usually is.
    pub(super) const fn usual() -> Self {
        Self { address: None }
    }

    async fn connect(&self) -> Option<Box<Bus>> {
        let connecting = async {
            let builder = match &self.address {
                Some(address) => Builder::address(address.as_str()),
                None => Builder::system(),
            };
            Bus::new(builder?.build().await?).await
        };
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(Ok(bus)) => Some(Box::new(bus)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "there is no system bus");
                None
            }
            Err(_) => None,
        }
    }

    /// What is to be told next, and from where it goes on.
    async fn next(&self, stage: Stage) -> (Surroundings, Stage) {
        match stage {
            Stage::New => self.begin().await,
            Stage::Connected(mut bus) => match bus.signals.next().await {
                Some(_) => (bus.look().await, Stage::Connected(bus)),
                None => self.begin().await,
            },
            Stage::Absent => loop {
                tokio::time::sleep(AGAIN).await;
                if let Some(bus) = self.connect().await {
                    return (bus.look().await, Stage::Connected(bus));
                }
            },
        }
    }

    async fn begin(&self) -> (Surroundings, Stage) {
        match self.connect().await {
            Some(bus) => (bus.look().await, Stage::Connected(bus)),
            None => (Surroundings::default(), Stage::Absent),
        }
    }
}

impl Teller for SystemBus {
    fn tell(&self) -> Told {
        let this = self.clone();
        Box::pin(stream::unfold(Stage::New, move |stage| {
            let this = this.clone();
            async move { Some(this.next(stage).await) }
        }))
    }
}

impl Bus {
    /// Hears what changes before anything is asked: nothing in between is missed.
    async fn new(connection: Connection) -> zbus::Result<Self> {
        let signal = || MatchRule::builder().msg_type(Type::Signal);
        let changed = || signal().interface(PROPERTIES)?.member("PropertiesChanged");
        let comes = |name| {
            let rule = signal().sender(BUS)?.member("NameOwnerChanged")?;
            rule.arg(0, name)
        };
        let rules = [
            changed()?.path(NETWORK_MANAGER_PATH)?.build(),
            changed()?.path_namespace(UPOWER_PATH)?.build(),
            comes(NETWORK_MANAGER)?.build(),
            comes(UPOWER)?.build(),
        ];
        let mut signals = SelectAll::new();
        for rule in rules {
            signals.push(MessageStream::for_match_rule(rule, &connection, Some(SIGNALS)).await?);
        }
        Ok(Self {
            connection,
            signals,
        })
    }

    async fn look(&self) -> Surroundings {
        let looking = async {
            let metered: Option<u32> = self
                .property(
                    NETWORK_MANAGER,
                    NETWORK_MANAGER_PATH,
                    NETWORK_MANAGER,
                    "Metered",
                )
                .await;
            Surroundings {
                is_metered: metered.is_some_and(|word| METERED.contains(&word)),
                battery: self.battery().await,
            }
        };
        let looked = tokio::time::timeout(PATIENCE, looking).await;
        looked.unwrap_or_default()
    }

    /// What the battery is charged to while it is used. One that does not say is taken for full.
    async fn battery(&self) -> Option<u8> {
        let is_used = self.property(UPOWER, UPOWER_PATH, UPOWER, "OnBattery");
        if is_used.await != Some(true) {
            return None;
        }
        let charge = self.property(UPOWER, DISPLAY_DEVICE, UPOWER_DEVICE, "Percentage");
        let percent: f64 = charge.await.unwrap_or(100.0);
        // Within a byte, so nothing is lost but the part of a percent.
        Some(percent.clamp(0.0, 100.0) as u8)
    }

    /// A property, if its service is there and has it.
    async fn property<T: TryFrom<OwnedValue>>(
        &self,
        service: &str,
        path: &str,
        interface: &str,
        name: &str,
    ) -> Option<T> {
        let arguments = (interface, name);
        let get =
            self.connection
                .call_method(Some(service), path, Some(PROPERTIES), "Get", &arguments);
        let answer = get.await.ok()?;
        let value: OwnedValue = answer.body().deserialize().ok()?;
        T::try_from(value).ok()
    }
}
