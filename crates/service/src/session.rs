//! A shell's way to the service: in this process if the profile is free, else through its owner.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::credentials::AskPassphrase;
use crate::fault::{Failure, Fault};
use crate::profile::Profile;
use crate::redact::Redactor;
use crate::request::Request;
use crate::service::Service;
#[cfg(unix)]
use crate::socket::{Client, Server, Unanswered};
use crate::update::Updates;

/// How long a command waits for another short one to let the profile go.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it looks whether it did. Short, so that commands which follow each other closely let one in.
const POLL: Duration = Duration::from_millis(10);

/// Where requests are answered.
#[derive(Debug)]
pub enum Session {
    /// Here. Other processes are served meanwhile.
    Own(Own),
    /// By the owner of the profile, the process of this number.
    #[cfg(unix)]
    Other(Client, Option<u32>),
}

/// A profile that is ours.
#[derive(Debug)]
pub struct Own {
    service: Service,
    #[cfg(unix)]
    server: Option<Server>,
}

impl Own {
    /// The service.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Lets the profile go at once: what others asked for is dropped.
    pub async fn close(self) {
        #[cfg(unix)]
        if let Some(server) = self.server {
            server.close().await;
        }
        self.service.close().await;
    }

    /// Lets the profile go once those who asked meanwhile have their answers, or when `stop` ends.
    pub async fn finish(self, stop: impl Future<Output = ()>) {
        #[cfg(unix)]
        if let Some(server) = &self.server {
            tokio::select! {
                () = server.rest() => {}
                () = stop => {}
            }
        }
        #[cfg(not(unix))]
        drop(stop);
        self.close().await;
    }
}

impl Session {
    /// Takes the profile over, or finds its owner. `begin` is called when the profile is ours, before anybody is served.
    ///
    /// # Errors
    /// What is wrong with the profile; [`Fault::Owned`] and its like if its owner does not answer.
    pub async fn open(
        folder: &Path,
        ask: AskPassphrase,
        redactor: &Redactor,
        begin: impl FnOnce(&Profile),
    ) -> Result<Self, Fault> {
        let began = Instant::now();
        loop {
            let owner = match Service::open(folder, ask.clone(), redactor.clone()) {
                Ok(service) => {
                    begin(service.profile());
                    return Ok(Self::Own(own(service)));
                }
                Err(Fault::Owned(pid)) => pid,
                Err(fault) => return Err(fault),
            };
            #[cfg(unix)]
            if let Ok(profile) = Profile::open(folder) {
                match Client::connect(&profile).await {
                    Ok(client) => return Ok(Self::Other(client, owner)),
                    Err(Unanswered::Silent) => return Err(Fault::OwnerSilent(owner)),
                    Err(Unanswered::Other(program)) => {
                        return Err(Fault::OtherVersion(program, owner));
                    }
                    // It may be about to listen, or to let the profile go.
                    Err(Unanswered::Io(_)) => {}
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(Fault::Owned(owner));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Takes the profile over, as [`Session::open`] does, where asking its owner is not enough: a short command that
    /// holds it is waited for.
    ///
    /// # Errors
    /// As those of [`Session::open`]; also [`Fault::Owned`] if somebody keeps the profile.
    pub async fn own(
        folder: &Path,
        ask: AskPassphrase,
        redactor: &Redactor,
        begin: impl Fn(&Profile) + Sync,
    ) -> Result<Own, Fault> {
        let began = Instant::now();
        loop {
            let owner = match Self::open(folder, ask.clone(), redactor, &begin).await? {
                Self::Own(own) => return Ok(own),
                #[cfg(unix)]
                Self::Other(_, owner) => owner,
            };
            if began.elapsed() > PATIENCE {
                return Err(Fault::Owned(owner));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Has a request answered. Dropping the future stops it, if the session is closed then.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub async fn call(&mut self, request: Request, updates: Updates) -> Result<Answer, Failure> {
        match self {
            Self::Own(own) => own.service.handle(request, updates).await,
            #[cfg(unix)]
            Self::Other(client, _) => client.call(&request, &updates).await,
        }
    }

    /// Lets the profile go at once; what a stopped request had begun is cleaned up.
    pub async fn close(self) {
        match self {
            Self::Own(own) => own.close().await,
            #[cfg(unix)]
            Self::Other(..) => {}
        }
    }

    /// Lets the profile go once those who asked meanwhile have their answers, or when `stop` ends.
    pub async fn finish(self, stop: impl Future<Output = ()>) {
        match self {
            Self::Own(own) => own.finish(stop).await,
            #[cfg(unix)]
            Self::Other(..) => {}
        }
    }
}

fn own(service: Service) -> Own {
    #[cfg(unix)]
    let server = match Server::start(service.clone()) {
        Ok(server) => Some(server),
        Err(error) => {
            // Without it everything works but for commands of other processes, which are told who the owner is.
            tracing::warn!(%error, "other processes cannot be answered");
            None
        }
    };
    Own {
        service,
        #[cfg(unix)]
        server,
    }
}
