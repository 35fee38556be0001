//! Journeys: one async function each, all on one timeline.

mod agencies;
mod clusters;
mod disputes;
mod ombudsman;
mod outcomes;

use std::{future::Future, pin::Pin, sync::Arc};

use tuntas_tests::{play::Play, world::World};

/// A journey under way.
pub(crate) type Journey = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// All journeys, by name.
pub(crate) fn all(world: &Arc<World>) -> Vec<(&'static str, Journey)> {
    macro_rules! journeys {
        ($($module:ident :: $name:ident),+ $(,)?) => {
            vec![$((stringify!($name), Box::pin($module::$name(Play(Arc::clone(world)))) as Journey)),+]
        };
    }
    let all = journeys![
        outcomes::resolved,
        outcomes::clarified,
        outcomes::informed,
        outcomes::noted,
        outcomes::rejected,
        outcomes::referred,
        outcomes::withdrawn,
        outcomes::lapsed,
        outcomes::completed_in_time,
        agencies::second_return,
        agencies::two_agencies,
        agencies::acting_holder,
        agencies::overdue_climbs_the_ladder,
        clusters::merged,
        clusters::one_dissenting_reporter,
        disputes::first_dispute,
        disputes::second_dispute,
        disputes::third_dispute,
        disputes::contest_of_a_rejection,
        ombudsman::reopened,
        ombudsman::explanation_asked,
        ombudsman::copied_answer_seen,
    ];
    // TUNTAS_TEST_JOURNEY=name plays only that one.
    match std::env::var("TUNTAS_TEST_JOURNEY") {
        Ok(wanted) => all.into_iter().filter(|(name, _)| name.contains(&wanted)).collect(),
        Err(_) => all,
    }
}
