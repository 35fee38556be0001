//! Agencies, positions, categories and regions as the pages need them: asked of routing, kept for a while.
//!
//! A copy lies in this edge's own database: also an edge that starts while routing is away takes reports and knows who
//! holds which office.

mod copy;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use time::OffsetDateTime;
use tuntas_kit::{directory::EXTERNAL, problem::Problem};
use tuntas_proto::{
    event::v1::{Agency, Category, HolderTerm, Position, Region},
    routing::v1::{ListDirectoryRequest, ListDirectoryResponse},
    wire_time,
};

use crate::{
    lang::Lang,
    platform::{Platform, answer},
};

/// The directory at some moment.
#[derive(Debug, Default)]
pub struct Directory {
    /// Agencies by code.
    pub agencies: BTreeMap<String, Agency>,
    /// Positions by id.
    pub positions: BTreeMap<String, Position>,
    /// Terms in office.
    pub terms: Vec<HolderTerm>,
    /// Categories by code.
    pub categories: BTreeMap<String, Category>,
    /// Regions by code.
    pub regions: BTreeMap<String, Region>,
}

/// Asks for the directory, and keeps it for as long as it is fresh. When routing is away, the last one serves on.
pub struct DirectoryCache {
    platform: Platform,
    pool: PgPool,
    fresh_for: Duration,
    kept: Mutex<Option<(Instant, Arc<Directory>)>>,
    /// Hash of what was copied last.
    copied: Mutex<Option<Vec<u8>>>,
}

impl DirectoryCache {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(platform: Platform, pool: PgPool, fresh_for: Duration) -> Self {
        Self {
            platform,
            pool,
            fresh_for,
            kept: Mutex::default(),
            copied: Mutex::default(),
        }
    }

    /// The directory, at most as old as configured unless routing is away.
    ///
    /// # Errors
    /// Routing is away and was never reached, and there is no copy.
    pub async fn get(&self) -> Result<Arc<Directory>, Problem> {
        let kept = self.lock().clone();
        if let Some((at, directory)) = &kept
            && at.elapsed() < self.fresh_for
        {
            return Ok(directory.clone());
        }
        let asked = answer(
            self.platform
                .directory()
                .list_directory(ListDirectoryRequest::default()),
        )
        .await;
        match (asked, kept) {
            (Ok(mut list), _) => {
                // Nobody's contacts are needed here.
                list.contacts.clear();
                self.copy(&list).await;
                Ok(self.keep(list))
            }
            (Err(problem), Some((_, directory))) => {
                tracing::warn!(%problem, "the directory could not be asked for; the last one serves on");
                Ok(directory)
            }
            (Err(problem), None) => {
                let copy = copy::read(&self.pool).await?.ok_or(problem)?;
                tracing::warn!("routing was not reached since the start; the copied directory serves");
                Ok(self.keep(copy))
            }
        }
    }

    fn keep(&self, list: ListDirectoryResponse) -> Arc<Directory> {
        let directory = Arc::new(Directory::from(list));
        *self.lock() = Some((Instant::now(), directory.clone()));
        directory
    }

    /// Copies what has changed. A copy that fails is no reason to fail a page.
    async fn copy(&self, list: &ListDirectoryResponse) {
        let body = list.encode_to_vec();
        let hash = Sha256::digest(&body).to_vec();
        let is_known = |copied: &Mutex<Option<Vec<u8>>>| {
            copied.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&hash)
        };
        if is_known(&self.copied) {
            return;
        }
        match copy::write(&self.pool, &body, self.platform.clock().now()).await {
            Ok(()) => *self.copied.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash),
            Err(problem) => tracing::warn!(%problem, "the directory could not be copied"),
        }
    }

    /// Forgets what is kept, after a change made here.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Arc<Directory>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<ListDirectoryResponse> for Directory {
    fn from(list: ListDirectoryResponse) -> Self {
        let by = |code: &String| code.clone();
        Self {
            agencies: list.agencies.into_iter().map(|a| (by(&a.code), a)).collect(),
            positions: list.positions.into_iter().map(|p| (by(&p.id), p)).collect(),
            terms: list.holders,
            categories: list.categories.into_iter().map(|c| (by(&c.code), c)).collect(),
            regions: list.regions.into_iter().map(|r| (by(&r.code), r)).collect(),
        }
    }
}

impl Directory {
    /// Official name of an agency; the code when it is unknown.
    #[must_use]
    pub fn agency<'a>(&'a self, code: &'a str) -> &'a str {
        self.agencies
            .get(code)
            .map_or(code, |agency| agency.official_name.as_str())
    }

    /// Short name of an agency; the code when it is unknown.
    #[must_use]
    pub fn short_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.agencies
            .get(code)
            .map_or(code, |agency| agency.short_name.as_str())
    }

    /// Name of a category.
    #[must_use]
    pub fn category<'a>(&'a self, code: &'a str, lang: Lang) -> &'a str {
        self.categories
            .get(code)
            .map_or(code, |category| lang.t(&category.name_id, &category.name_en))
    }

    /// Name of a region.
    #[must_use]
    pub fn region<'a>(&'a self, code: &'a str) -> &'a str {
        self.regions.get(code).map_or(code, |region| region.name.as_str())
    }

    /// Title of a position.
    #[must_use]
    pub fn position<'a>(&'a self, id: &'a str) -> &'a str {
        self.positions.get(id).map_or(id, |position| position.title.as_str())
    }

    /// The province's own active agencies, by code.
    pub fn own_agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies
            .values()
            .filter(|agency| agency.active && agency.kind != EXTERNAL)
    }

    /// Authorities outside the province, to which cases are referred.
    pub fn authorities(&self) -> impl Iterator<Item = &Agency> {
        self.agencies
            .values()
            .filter(|agency| agency.active && agency.kind == EXTERNAL)
    }

    /// Active positions of an agency with a role.
    pub fn with_role<'a>(&'a self, opd: &'a str, role: &'a str) -> impl Iterator<Item = &'a Position> {
        self.positions.values().filter(move |position| {
            position.active && position.opd_code == opd && position.roles.iter().any(|own| own == role)
        })
    }

    /// Positions that a person holds now; an acting holder stands before the regular one (rule M13).
    #[must_use]
    pub fn positions_of(&self, holder: &str, at: OffsetDateTime) -> Vec<&Position> {
        let mut held: Vec<&Position> = self
            .terms
            .iter()
            .filter(|term| term.holder_id == holder && self.holder_of(&term.position_id, at) == Some(holder))
            .filter_map(|term| self.positions.get(&term.position_id))
            .filter(|position| position.active)
            .collect();
        held.dedup_by(|a, b| a.id == b.id);
        held
    }

    /// Who holds a position: the acting holder, else the regular one, else nobody.
    #[must_use]
    pub fn holder_of(&self, position: &str, at: OffsetDateTime) -> Option<&str> {
        let mut covering = self
            .terms
            .iter()
            .filter(|term| term.position_id == position && covers(term, at));
        let first = covering.next()?;
        let acting = std::iter::once(first).chain(covering).find(|term| term.acting);
        Some(&acting.unwrap_or(first).holder_id)
    }
}

fn covers(term: &HolderTerm, at: OffsetDateTime) -> bool {
    let instant = |time: &Option<_>| time.as_ref().and_then(wire_time::instant);
    instant(&term.from).is_none_or(|from| from <= at) && instant(&term.until).is_none_or(|until| at < until)
}
