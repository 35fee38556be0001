//! Streams everything that an agency's desk needs to rebuild itself: the directory, then its live cases.

use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tuntas_domain::{CaseId, OpdCode, Role};
use tuntas_kit::{
    auth::Assertion,
    directory,
    problem::{FORBIDDEN, Problem},
};
use tuntas_proto::routing::v1::{SnapshotAgencyRequest, SnapshotAgencyResponse, snapshot_agency_response::Item};
use uuid::Uuid;

use crate::{Routing, caller::Caller, get_case::to_wire, store};

/// Items on their way to a slow reader.
const BUFFER_MAX: usize = 64;

type Items = mpsc::Sender<Result<SnapshotAgencyResponse, Status>>;

/// Why the stream ends early.
enum End {
    /// The reader has gone.
    Gone,
    /// It failed.
    Failed(Problem),
}

/// Starts the stream. A case that moves meanwhile comes again through the agency's queue with a higher sequence.
///
/// # Errors
/// `forbidden` unless the caller may speak for the agency, `invalid_argument`, or the database's.
pub(crate) async fn snapshot_agency(
    routing: &Routing,
    assertion: &Assertion,
    request: &SnapshotAgencyRequest,
) -> Result<impl Stream<Item = Result<SnapshotAgencyResponse, Status>> + Send + use<>, Problem> {
    let opd: OpdCode = request
        .opd_code
        .parse()
        .map_err(|error| Problem::invalid("opd_code", error))?;
    let now = routing.clock.now();
    let mut conn = routing.pool.acquire().await?;
    let (caller, _) = Caller::resolve(&mut conn, &routing.directory, assertion, now).await?;
    drop(conn);
    authorize(&caller, assertion, &opd)?;
    let (sender, receiver) = mpsc::channel(BUFFER_MAX);
    let routing = routing.clone();
    tokio::spawn(async move {
        if let Err(End::Failed(problem)) = send_all(&routing, &opd, &sender).await {
            // A reader that has gone needs no reason.
            let _ = sender.send(Err(problem.into())).await;
        }
    });
    Ok(ReceiverStream::new(receiver))
}

fn authorize(caller: &Caller, assertion: &Assertion, opd: &OpdCode) -> Result<(), Problem> {
    let allowed = match caller {
        Caller::Service(name) => name == "desk" && assertion.covers(opd),
        Caller::Official(official) => {
            let own = official.opd.as_ref() == Some(opd);
            own && (official.roles.contains(&Role::Liaison) || official.roles.contains(&Role::AccountableHead))
        }
    };
    if allowed { Ok(()) } else { Err(FORBIDDEN.into()) }
}

async fn send_all(routing: &Routing, opd: &OpdCode, items: &Items) -> Result<(), End> {
    let mut conn = routing.pool.acquire().await?;
    for entry in directory::entries(&mut conn).await.map_err(Problem::from)? {
        send(items, Item::Directory(entry)).await?;
    }
    let directory = routing.directory.current(&mut conn).await.map_err(Problem::from)?;
    let chunk_max = routing.config.cases.snapshot_chunk_max;
    let mut after = CaseId::new(Uuid::nil());
    loop {
        let cases = store::agencies::live_cases_after(&mut conn, opd, after, chunk_max).await?;
        let Some(last) = cases.last() else { return Ok(()) };
        after = last.id;
        for case in &cases {
            send(items, Item::Case(to_wire(case, &directory))).await?;
        }
    }
}

async fn send(items: &Items, item: Item) -> Result<(), End> {
    items
        .send(Ok(SnapshotAgencyResponse { item: Some(item) }))
        .await
        .map_err(|_| End::Gone)
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<sqlx::Error> for End {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}
