//! Tells an office's open pages that its list has changed.
//!
//! However many pages an office has open, its list is asked for once at a time, by one task that ends with the last
//! page. A page learns only that something changed, and asks for itself again: what it may see is decided then.

use std::{
    collections::HashMap,
    convert::Infallible,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tuntas_kit::problem::Problem;

use super::inbox::{self, Asked, Row};
use crate::{
    accounts::User,
    web::{Web, fault::Fault, page::SignedIn},
};

/// How often a list is asked for.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// A page connects again after this, and its session is looked at again.
const OPEN_FOR: Duration = Duration::from_mins(10);
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Offices watched at once; pages of others are told nothing.
const OFFICES_MAX: usize = 1000;

/// Who watches which list.
#[derive(Clone, Default)]
pub struct Live {
    offices: Arc<Mutex<HashMap<String, watch::Sender<u64>>>>,
    stopping: CancellationToken,
}

impl Live {
    /// Ends all streams: the process stops.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// When the process stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<u64>>> {
        self.offices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of an office's list, from now on. The first one who asks starts the asking.
    fn watch(&self, web: &Web, user: &User, office: &str) -> Option<watch::Receiver<u64>> {
        let mut offices = self.lock();
        if let Some(sender) = offices.get(office) {
            return Some(sender.subscribe());
        }
        if offices.len() >= OFFICES_MAX {
            return None;
        }
        let (sender, receiver) = watch::channel(0);
        offices.insert(office.to_owned(), sender.clone());
        let (live, web, user, office) = (self.clone(), web.clone(), user.clone(), office.to_owned());
        tokio::spawn(async move { live.poll(&web, &user, &office, &sender).await });
        Some(receiver)
    }

    async fn poll(&self, web: &Web, user: &User, office: &str, sender: &watch::Sender<u64>) {
        let mut known = None;
        loop {
            match look(web, user).await {
                Ok(now) => {
                    if known.is_some_and(|known| known != now) {
                        sender.send_modify(|changes| *changes += 1);
                    }
                    known = Some(now);
                }
                Err(problem) => tracing::debug!(%problem, "a list could not be looked at"),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_EVERY) => {}
                () = self.stopping.cancelled() => break,
            }
            // Under the lock, so that nobody subscribes to a task that is about to end.
            let mut offices = self.lock();
            if sender.receiver_count() == 0 {
                offices.remove(office);
                return;
            }
        }
        self.lock().remove(office);
    }
}

/// The first page of an office's list, as a number that changes with it.
async fn look(web: &Web, user: &User) -> Result<u64, Problem> {
    let asked = Asked::default();
    let (rows, _) = if user.is_central() || user.is_ombudsman() {
        inbox::list_central(web, user, &asked, String::new()).await?
    } else {
        inbox::list_agency(web, user, &asked, String::new()).await?
    };
    Ok(fingerprint(&rows))
}

fn fingerprint(rows: &[Row]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for row in rows {
        (&row.case.case_id, row.case.seq, row.pending).hash(&mut hasher);
    }
    hasher.finish()
}

/// The stream of an office.
///
/// # Errors
/// The person acts in no office.
pub async fn stream(State(web): State<Web>, SignedIn(user): SignedIn) -> Result<Response, Fault> {
    let office = user.officer()?.position.to_string();
    let Some(receiver) = web.live.watch(&web, &user, &office) else {
        return Ok(Sse::new(futures::stream::pending::<Result<Event, Infallible>>())
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
            .into_response());
    };
    let stopping = web.live.stopping.clone();
    let until = async move {
        tokio::select! {
            () = tokio::time::sleep(OPEN_FOR) => {}
            () = stopping.cancelled() => {}
        }
    };
    let events = changes(receiver).take_until(until);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

fn changes(receiver: watch::Receiver<u64>) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(receiver, async |mut receiver| {
        receiver.changed().await.ok()?;
        let changes = *receiver.borrow_and_update();
        Some((
            Ok(Event::default().event("changed").data(changes.to_string())),
            receiver,
        ))
    })
}

#[cfg(test)]
mod tests {
    use tuntas_proto::case::v1::Case;

    use super::*;

    #[test]
    fn a_list_looks_different_when_a_case_moves() {
        let row = |seq, pending| Row {
            case: Case {
                case_id: "a".to_owned(),
                seq,
                ..Case::default()
            },
            pending,
        };
        assert_eq!(fingerprint(&[row(1, 0)]), fingerprint(&[row(1, 0)]));
        assert_ne!(fingerprint(&[row(1, 0)]), fingerprint(&[row(2, 0)]));
        assert_ne!(fingerprint(&[row(1, 0)]), fingerprint(&[row(1, 1)]));
        assert_ne!(fingerprint(&[row(1, 0)]), fingerprint(&[]));
    }
}
