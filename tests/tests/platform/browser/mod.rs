//! The portal in a real browser: what citizens, officers and the Ombudsman do on pages, with scripts and without, on a screen
//! and on a phone.

mod dead_service;
mod first_load;
mod journey;
mod look;
mod pages;
mod people;
mod sending;

use tuntas_tests::{browser::Driver, instance::Instance, portal::Portal, world::Ending};

use self::{look::Looker, people::People};
use crate::ending;

/// What all parts share.
struct Stage<'a> {
    portal: &'a Portal,
    driver: Driver,
    looker: Looker,
    people: People,
}

/// Plays everything that leaves the platform whole.
pub(crate) async fn play(portal: &Portal) -> Vec<Ending> {
    let stage = match set(portal) {
        Ok(stage) => stage,
        Err(error) => return vec![ending("browser", Err(error))],
    };
    let mut stage = stage;
    vec![
        ending(
            "main journey on pages",
            journey::play(&mut stage, journey::Scripts::On).await,
        ),
        ending(
            "main journey without scripts",
            journey::play(&mut stage, journey::Scripts::Off).await,
        ),
        ending("every page", pages::look_at_all(&mut stage).await),
        ending("first load", first_load::weigh(&stage).await),
        ending("double click", sending::double_click(&stage).await),
        ending("lost connection", sending::lost_connection(portal).await),
    ]
}

/// Takes a service away from behind the portal and brings it back.
pub(crate) async fn play_without_evaluation(instance: &Instance, portal: &Portal) -> Ending {
    ending("dead service", dead_service::play(instance, portal).await)
}

fn set(portal: &Portal) -> anyhow::Result<Stage<'_>> {
    Ok(Stage {
        portal,
        driver: Driver::start()?,
        looker: Looker::new()?,
        people: People::default(),
    })
}
