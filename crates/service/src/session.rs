//! A shell's way to the service: in this process if the profile is free, else through its owner.

use std::future::pending;
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
use crate::socket::{Client, Server};
use crate::update::Updates;

/// How long a command waits for another short one to let the profile go.
const PATIENCE: Duration = Duration::from_secs(3);

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

    /// Lets the profile go.
    pub async fn close(self) {
        #[cfg(unix)]
        if let Some(server) = self.server {
            server.close().await;
        }
        self.service.close().await;
    }
}

impl Session {
    /// Takes the profile over, or finds its owner.
    ///
    /// # Errors
    /// What is wrong with the profile; [`Fault::Owned`] if its owner does not answer.
    pub async fn open(
        folder: &Path,
        ask: AskPassphrase,
        redactor: &Redactor,
    ) -> Result<Self, Fault> {
        let began = Instant::now();
        loop {
            let owner = match Service::open(folder, ask.clone(), redactor.clone()) {
                Ok(service) => return Ok(Self::Own(own(service))),
                Err(Fault::Owned(pid)) => pid,
                Err(fault) => return Err(fault),
            };
            #[cfg(unix)]
            if let Ok(profile) = Profile::open(folder)
                && let Ok(client) = Client::connect(&profile).await
            {
                return Ok(Self::Other(client, owner));
            }
            if began.elapsed() > PATIENCE {
                return Err(Fault::Owned(owner));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Has a request answered, and lets the profile go.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub async fn call(self, request: Request, updates: Updates) -> Result<Answer, Failure> {
        match self.call_until(request, updates, pending()).await {
            Some(answer) => answer,
            None => pending().await,
        }
    }

    /// Has a request answered, and lets the profile go. If `stop` ends first, the request is dropped, what it had
    /// begun is cleaned up, and there is no answer.
    pub async fn call_until(
        self,
        request: Request,
        updates: Updates,
        stop: impl Future<Output = ()>,
    ) -> Option<Result<Answer, Failure>> {
        match self {
            Self::Own(own) => {
                let answer = tokio::select! {
                    answer = own.service.handle(request, updates) => Some(answer),
                    () = stop => None,
                };
                own.close().await;
                answer
            }
            #[cfg(unix)]
            Self::Other(client, _) => tokio::select! {
                answer = client.call(&request, &updates) => Some(answer),
                () = stop => None,
            },
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
