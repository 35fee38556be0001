//! The platform test kit: a private platform of real processes ([`instance`]), one timeline that many journeys share
//! ([`world`]), and what people do in them ([`play`]), on the pages too ([`portal`], [`browser`]).

pub mod browser;
pub mod collector;
pub mod disk;
pub mod fill;
pub mod instance;
pub mod management;
pub mod metrics;
pub mod play;
pub mod portal;
pub mod raw;
pub mod script;
pub mod servers;
pub mod sql;
pub mod standby;
pub mod times;
pub mod world;
