//! What comes by message: reports and citizens' commands from intake, agencies' commands from their desks.

pub(crate) mod commands;
pub(crate) mod intake;
