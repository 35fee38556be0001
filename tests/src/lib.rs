//! The platform test kit: a private platform of real processes ([`instance`]), one timeline that many journeys share
//! ([`world`]), and what people do in them ([`play`]).

pub mod collector;
pub mod instance;
pub mod play;
pub mod raw;
pub mod world;
