//! Events of the simulated platform, where they are published to, and which queues the real bindings bring them to.

use std::sync::LazyLock;

use time::OffsetDateTime;
use tuntas_domain::{CaseEvent, Command};
use tuntas_kit::{
    broker::{self, QueueSpec},
    event::{COMMANDS, EVENTS, WORK},
};
use uuid::Uuid;

use crate::province;

/// A service, with its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Intake,
    Routing,
    Desk,
    Oversight,
}

impl Service {
    pub(crate) const COUNT: usize = 4;
    pub(crate) const ALL: [Self; 4] = [Self::Intake, Self::Routing, Self::Desk, Self::Oversight];
    /// Those that publish.
    pub(crate) const SOURCES: [Self; 3] = [Self::Intake, Self::Routing, Self::Desk];
}

/// A queue, named in the inbox by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Queue {
    RoutingIntake,
    RoutingCommands,
    DeskCases,
    OversightEvents,
}

impl Queue {
    pub(crate) const ALL: [Self; 4] = [
        Self::RoutingIntake,
        Self::RoutingCommands,
        Self::DeskCases,
        Self::OversightEvents,
    ];

    pub(crate) const fn owner(self) -> Service {
        match self {
            Self::RoutingIntake | Self::RoutingCommands => Service::Routing,
            Self::DeskCases => Service::Desk,
            Self::OversightEvents => Service::Oversight,
        }
    }

    /// Whose outboxes bring something into it.
    pub(crate) const fn sources(self) -> &'static [Service] {
        match self {
            Self::RoutingIntake => &[Service::Intake],
            Self::RoutingCommands => &[Service::Desk],
            Self::DeskCases => &[Service::Routing],
            Self::OversightEvents => &Service::SOURCES,
        }
    }
}

/// Where a row of an outbox is published to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Address {
    IntakeFiled,
    IntakeCommand,
    RoutingCase,
    RoutingRefused,
    DeskWork,
    DeskCommand,
}

impl Address {
    pub(crate) const ALL: [Self; 6] = [
        Self::IntakeFiled,
        Self::IntakeCommand,
        Self::RoutingCase,
        Self::RoutingRefused,
        Self::DeskWork,
        Self::DeskCommand,
    ];

    /// Exchange and routing key.
    pub(crate) const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::IntakeFiled => (EVENTS, "intake.report.filed"),
            Self::IntakeCommand => (EVENTS, "intake.command.received"),
            Self::RoutingCase => (EVENTS, "routing.case.moved"),
            Self::RoutingRefused => (EVENTS, "routing.command.refused"),
            Self::DeskWork => (WORK, "opd.dishub.cases"),
            Self::DeskCommand => (COMMANDS, "opd.dishub.commands"),
        }
    }
}

/// The real queues, and which addresses they take.
pub(crate) struct Topology {
    specs: [QueueSpec; 4],
    takes: [[bool; 4]; 6],
}

impl Topology {
    pub(crate) fn get() -> &'static Self {
        static TOPOLOGY: LazyLock<Topology> = LazyLock::new(Topology::read);
        &TOPOLOGY
    }

    fn read() -> Self {
        let all = broker::queues(std::slice::from_ref(&province::get().agency));
        let own = broker::opd_queue(&province::get().agency);
        let specs = Queue::ALL.map(|queue| {
            let name = match queue {
                Queue::RoutingIntake => broker::ROUTING_INTAKE,
                Queue::RoutingCommands => broker::ROUTING_COMMANDS,
                Queue::DeskCases => own.as_str(),
                Queue::OversightEvents => broker::OVERSIGHT_EVENTS,
            };
            let absent = QueueSpec {
                name: name.to_owned(),
                bindings: Vec::new(),
                single_active_consumer: false,
            };
            all.iter().find(|spec| spec.name == name).cloned().unwrap_or(absent)
        });
        let takes = Address::ALL.map(|address| {
            let (exchange, key) = address.text();
            [0, 1, 2, 3].map(|queue: usize| specs[queue].takes(exchange, key))
        });
        Self { specs, takes }
    }

    pub(crate) fn spec(&self, queue: Queue) -> &QueueSpec {
        &self.specs[queue as usize]
    }

    pub(crate) fn takes(&self, queue: Queue, address: Address) -> bool {
        self.takes[address as usize][queue as usize]
    }
}

/// What an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aggregate {
    Report(u32),
    Case(u32),
    Command(u32),
}

/// An event; its id counts from 1 over the whole world.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: u32,
    pub(crate) aggregate: Aggregate,
    pub(crate) seq: u64,
    pub(crate) cause: Option<u32>,
    pub(crate) payload: Payload,
}

#[derive(Debug)]
pub(crate) enum Payload {
    /// A report, which opens the case of the same number.
    Filed { report: u32, at: OffsetDateTime },
    /// A citizen's or an agency's command.
    Asked(Asked),
    /// A case moved; whether it has left the desk's agency.
    Moved { event: CaseEvent, gone: bool },
    /// A command was refused.
    Refused,
}

/// A command on its way to a case.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) case: u32,
    /// Index into the province's actors.
    pub(crate) actor: usize,
    pub(crate) command: Command,
    pub(crate) issued_at: OffsetDateTime,
}

impl Event {
    pub(crate) fn uuid(&self) -> Uuid {
        uuid_of(self.id)
    }
}

pub(crate) fn uuid_of(id: u32) -> Uuid {
    Uuid::from_u128(u128::from(id))
}

pub(crate) fn id_of(uuid: Uuid) -> u32 {
    u32::try_from(uuid.as_u128()).unwrap_or(u32::MAX)
}
