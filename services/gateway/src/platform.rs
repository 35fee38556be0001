//! The services behind this edge, and in whose name they are asked.

use std::{collections::HashMap, future::Future};

use anyhow::Context as _;
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::Channel,
};
use tuntas_domain::{HolderId, PositionId};
use tuntas_kit::{
    auth::{AUTHORIZATION, Signer},
    client::{AsService, channel},
    clock::Clock,
    problem::Problem,
};
use tuntas_proto::{
    desk::v1::desk_client::DeskClient,
    evaluation::v1::evaluation_client::EvaluationClient,
    intake::v1::{intake_client::IntakeClient, vault_client::VaultClient},
    notification::v1::notification_client::NotificationClient,
    oversight::v1::{feed_client::FeedClient, oversight_client::OversightClient},
    routing::v1::{cases_client::CasesClient, directory_client::DirectoryClient},
};

use crate::{
    config::Services,
    web::peer::{Peer, network},
};

const ANY_OPD: &str = "*";
/// Metadata by which this edge tells intake a citizen's address, which intake would not see otherwise.
const PEER: &str = "x-tuntas-peer";
/// Largest answer taken, in bytes: a page of cases with their ledgers.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A channel on which this edge says who it is.
pub type Link = InterceptedService<Channel, AsService>;

/// A person in an office, as logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// Office.
    pub position: PositionId,
    /// Person in it.
    pub holder: HolderId,
    /// Login session, by a name that opens nothing.
    pub session: String,
}

/// Everything this edge may ask.
#[derive(Clone)]
pub struct Platform {
    links: HashMap<&'static str, Link>,
    desks: HashMap<String, Link>,
    signer: Signer,
    clock: Clock,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident at $service:literal;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> $client<Link> {
                $client::new(self.links[$service].clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
            }
        )*
    };
}

impl Platform {
    /// The services at their configured addresses.
    ///
    /// # Errors
    /// An address is not one.
    pub fn new(services: &Services, as_service: &AsService, signer: Signer, clock: Clock) -> anyhow::Result<Self> {
        let link = |url: &str| -> anyhow::Result<Link> {
            let channel = channel(url).with_context(|| format!("services: {url} is not an address"))?;
            Ok(InterceptedService::new(channel, as_service.clone()))
        };
        let links = [
            ("intake", &services.intake),
            ("routing", &services.routing),
            ("oversight", &services.oversight),
            ("notification", &services.notification),
            ("evaluation", &services.evaluation),
        ];
        let mut desks = HashMap::new();
        for part in services.desks.split(',').filter(|part| !part.trim().is_empty()) {
            let (opds, url) = part
                .split_once('=')
                .context("services.desks: expected OPD+OPD=URL,*=URL")?;
            let link = link(url.trim())?;
            desks.extend(opds.split('+').map(|opd| (opd.trim().to_owned(), link.clone())));
        }
        Ok(Self {
            links: links
                .into_iter()
                .map(|(name, url)| Ok((name, link(url)?)))
                .collect::<anyhow::Result<_>>()?,
            desks,
            signer,
            clock,
        })
    }

    clients! {
        /// Citizens' side of intake.
        intake: IntakeClient at "intake";
        /// Officers' side of intake.
        vault: VaultClient at "intake";
        /// Cases.
        cases: CasesClient at "routing";
        /// Agencies, positions, holders.
        directory: DirectoryClient at "routing";
        /// Deliveries.
        notification: NotificationClient at "notification";
        /// Scores.
        evaluation: EvaluationClient at "evaluation";
        /// The log.
        feed: FeedClient at "oversight";
        /// The Ombudsman's acts.
        oversight: OversightClient at "oversight";
    }

    /// The desk that serves an agency; none when no address is known.
    #[must_use]
    pub fn desk(&self, opd: &str) -> Option<DeskClient<Link>> {
        let link = self.desks.get(opd).or_else(|| self.desks.get(ANY_OPD))?;
        Some(DeskClient::new(link.clone()).max_decoding_message_size(ANSWER_BYTES_MAX))
    }

    /// A request in an officer's name.
    ///
    /// # Errors
    /// The signature failed.
    pub fn request_as<T>(&self, officer: &Officer, message: T) -> Result<Request<T>, Problem> {
        let token = self
            .signer
            .position(&officer.position, &officer.holder, &officer.session, self.clock.now())
            .map_err(Problem::internal)?;
        let value: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(Problem::internal)?;
        let mut request = Request::new(message);
        request.metadata_mut().insert(AUTHORIZATION, value);
        Ok(request)
    }

    /// A request of a citizen, with the address it comes from: intake counts wrong codes against it.
    ///
    /// # Errors
    /// None that can happen: an address is always metadata.
    pub fn request_from<T>(&self, peer: Peer, message: T) -> Result<Request<T>, Problem> {
        let address: MetadataValue<Ascii> = network(peer.0).to_string().parse().map_err(Problem::internal)?;
        let mut request = Request::new(message);
        request.metadata_mut().insert(PEER, address);
        Ok(request)
    }

    /// What counts as now.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// A call's answer, without what travelled around it.
///
/// # Errors
/// What the service said, or that it did not.
pub async fn answer<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Problem> {
    Ok(call.await?.into_inner())
}
