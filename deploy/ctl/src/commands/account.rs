//! `tuntas account`: who may log in to the pages.

use tuntas_proto::gateway::v1::{
    CreateAccountRequest, ListAccountsRequest, ResetAccountRequest, SetAccountDisabledRequest,
};

use super::Context;
use crate::{
    error::{CtlError, Result},
    platform::Who,
    render, rpc, wib,
};

/// Roles of which a demo gets an account each, with the position that shows it best, when there is one.
const DEMO_ROLES: [(&str, &str); 10] = [
    ("verifier", "diskominfotik.verifikator-1"),
    ("manager", "diskominfotik.kepala"),
    ("liaison", "dishub.sekretaris"),
    ("executor", ""),
    ("accountable_head", "dishub.kepala"),
    ("director", "sekda"),
    ("patron", "gubernur"),
    ("ombudsman", "ombudsman.riau"),
    ("auditor", "inspektorat.auditor-1"),
    ("operator", "diskominfotik.operator-1"),
];
const EXECUTOR_OPD: &str = "dishub";

/// Subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum AccountCommand {
    /// Make an account for the holder of a position; prints a temporary password, once
    Add {
        /// Name to log in with
        username: String,
        /// Position that the person holds now
        #[arg(long, conflicts_with = "holder", required_unless_present = "holder")]
        position: Option<String>,
        /// Person, by id of the directory
        #[arg(long)]
        holder: Option<String>,
        /// The person logs in at the provider of OpenID Connect alone
        #[arg(long)]
        without_password: bool,
    },
    /// Give an account a new temporary password, without second factor; ends its sessions
    Reset {
        /// Name
        username: String,
    },
    /// Disable an account; ends its sessions
    Disable {
        /// Name
        username: String,
    },
    /// Enable an account again
    Enable {
        /// Name
        username: String,
    },
    /// All accounts
    List,
    /// One account for each role, with a password known to everybody; only while the clock is a demo's
    Demo {
        /// The password
        #[arg(long, default_value = "tuntas-demo-riau")]
        password: String,
    },
}

/// Runs `tuntas account`.
///
/// # Errors
/// What the gateway says.
pub async fn run(command: AccountCommand, context: &Context) -> Result<()> {
    let platform = &context.platform;
    match command {
        AccountCommand::Add {
            username,
            position,
            holder,
            without_password,
        } => {
            let holder_id = match (holder, position) {
                (Some(holder), _) => holder,
                (None, Some(position)) => holder_of(context, &position).await?,
                (None, None) => return Err(CtlError::usage("say whose account it is: --position or --holder")),
            };
            let request = CreateAccountRequest {
                username,
                holder_id,
                demo_password: String::new(),
                without_password,
            };
            let made = rpc!(platform, Who::Operator, accounts().create_account(request))?;
            context
                .screen
                .show(&made, |made| match made.temporary_password.as_str() {
                    "" => "stored, without a password".to_owned(),
                    _ => format!("temporary password: {}   (shown once)", made.temporary_password),
                })
        }
        AccountCommand::Reset { username } => {
            let request = ResetAccountRequest { username };
            let reset = rpc!(platform, Who::Operator, accounts().reset_account(request))?;
            context.screen.show(&reset, |reset| {
                format!("temporary password: {}   (shown once)", reset.temporary_password)
            })
        }
        AccountCommand::Disable { username } => set_disabled(context, username, true).await,
        AccountCommand::Enable { username } => set_disabled(context, username, false).await,
        AccountCommand::List => {
            let list = rpc!(
                platform,
                Who::Operator,
                accounts().list_accounts(ListAccountsRequest {})
            )?;
            context.screen.show(&list, |list| {
                let rows = list.accounts.iter().map(|account| {
                    let state = match (&account.disabled_at, &account.locked_until) {
                        (Some(_), _) => "disabled".to_owned(),
                        (None, Some(until)) => format!("locked until {}", render::at(Some(until))),
                        (None, None) => String::new(),
                    };
                    let second = if account.has_second_factor { "yes" } else { "no" };
                    vec![
                        account.username.clone(),
                        account.holder_id.clone(),
                        second.to_owned(),
                        state,
                    ]
                });
                render::table(&["NAME", "PERSON", "SECOND FACTOR", "STATE"], &rows.collect::<Vec<_>>())
            })
        }
        AccountCommand::Demo { password } => demo(context, &password).await,
    }
}

async fn set_disabled(context: &Context, username: String, disabled: bool) -> Result<()> {
    let request = SetAccountDisabledRequest { username, disabled };
    let response = rpc!(
        context.platform,
        Who::Operator,
        accounts().set_account_disabled(request)
    )?;
    context.screen.show(&response, |_| "stored".to_owned())
}

async fn holder_of(context: &Context, position: &str) -> Result<String> {
    let directory = context.platform.directory().await?;
    let holder = directory.holder(position, context.platform.now()).map(str::to_owned);
    holder.ok_or_else(|| {
        CtlError::usage(format!(
            "nobody holds {position} on {}",
            wib::iso_date(context.platform.now())
        ))
        .next("`tuntas directory list --positions` lists the positions")
    })
}

async fn demo(context: &Context, password: &str) -> Result<()> {
    let directory = context.platform.directory().await?;
    let mut rows = Vec::new();
    for (role, preferred) in DEMO_ROLES {
        let position = match directory.has_role(preferred, role) {
            true => Some(preferred.to_owned()),
            false => directory.first_with(role, Some(EXECUTOR_OPD)).map(str::to_owned),
        };
        let Some(position) = position else { continue };
        let username = role.replace('_', "-");
        let request = CreateAccountRequest {
            username: username.clone(),
            holder_id: holder_of(context, &position).await?,
            demo_password: password.to_owned(),
            without_password: false,
        };
        match rpc!(context.platform, Who::Operator, accounts().create_account(request)) {
            Ok(_) => {}
            Err(error) if error.code() == Some("account_exists") => {}
            Err(error) => return Err(error),
        }
        rows.push(vec![role.to_owned(), username, password.to_owned(), position]);
    }
    let value = serde_json::json!(rows);
    context.screen.show_value(&value, || {
        render::table(&["ROLE", "NAME", "PASSWORD", "POSITION"], &rows)
    })
}
