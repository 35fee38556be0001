//! What the other services and the officers may ask for: words, texts, files, contacts, identity.

mod erase_report;
mod find_similar;
mod get_contact;
mod get_words;
mod list_texts;
mod read_attachment;
mod resolve_ticket;
mod reveal_identity;
mod store_text;

pub use erase_report::erase_report;
pub use find_similar::find_similar;
pub use get_contact::get_contact;
pub use get_words::get_words;
pub use list_texts::list_texts;
pub use read_attachment::{Content, read_attachment};
pub use resolve_ticket::resolve_ticket;
pub use reveal_identity::reveal_identity;
pub use store_text::store_text;
