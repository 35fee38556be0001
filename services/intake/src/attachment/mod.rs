//! Files that people add: typed by what is in them, freed of what cameras write into them, sealed, kept.

pub mod clean;
pub mod files;
pub mod scan;
pub mod sniff;

pub use files::FileStore;
pub use sniff::MediaType;
