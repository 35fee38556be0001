//! `tuntas apikey`: which other systems may file reports, and how many.

use clap::ValueEnum;
use tuntas_proto::gateway::v1::{CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest};

use super::Context;
use crate::{error::Result, platform::Who, render, rpc};

/// What a key is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Purpose {
    /// Sent with each Open311 request
    Open311,
    /// Signs the messages of an SMS or WhatsApp gateway
    Inbox,
}

/// Subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key for an integration; prints it, once
    Add {
        /// Integration: 3 to 64 of a-z, 0-9 and -
        name: String,
        /// What it is for
        #[arg(long, value_enum, default_value = "open311")]
        purpose: Purpose,
        /// Requests a minute
        #[arg(long, default_value_t = 60)]
        per_minute: u32,
        /// Requests at once
        #[arg(long, default_value_t = 30)]
        burst: u32,
    },
    /// All keys
    List,
    /// Revoke a key: it opens nothing from now on
    Revoke {
        /// Integration
        name: String,
    },
}

/// Runs `tuntas apikey`.
///
/// # Errors
/// What the gateway says.
pub async fn run(command: ApiKeyCommand, context: &Context) -> Result<()> {
    let platform = &context.platform;
    match command {
        ApiKeyCommand::Add {
            name,
            purpose,
            per_minute,
            burst,
        } => {
            let purpose = match purpose {
                Purpose::Open311 => "open311",
                Purpose::Inbox => "inbox",
            };
            let request = CreateApiKeyRequest {
                name,
                purpose: purpose.to_owned(),
                per_minute,
                burst,
            };
            let made = rpc!(platform, Who::Operator, api_keys().create_api_key(request))?;
            context
                .screen
                .show(&made, |made| format!("{}: {}   (shown once)", made.name, made.secret))
        }
        ApiKeyCommand::List => {
            let list = rpc!(platform, Who::Operator, api_keys().list_api_keys(ListApiKeysRequest {}))?;
            context.screen.show(&list, |list| {
                let rows = list.keys.iter().map(|key| {
                    let revoked = key.revoked_at.as_ref();
                    vec![
                        key.name.clone(),
                        key.purpose.clone(),
                        format!("{}/min, {} at once", key.per_minute, key.burst),
                        render::at(key.created_at.as_ref()),
                        render::at(key.used_at.as_ref()),
                        revoked.map_or_else(String::new, |at| format!("revoked {}", render::at(Some(at)))),
                    ]
                });
                let head = ["NAME", "PURPOSE", "LIMIT", "CREATED", "USED", "STATE"];
                render::table(&head, &rows.collect::<Vec<_>>())
            })
        }
        ApiKeyCommand::Revoke { name } => {
            let request = RevokeApiKeyRequest { name };
            let response = rpc!(platform, Who::Operator, api_keys().revoke_api_key(request))?;
            context.screen.show(&response, |_| "revoked".to_owned())
        }
    }
}
