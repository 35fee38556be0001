//! What `tuntas` can do, one file per group of commands.

pub mod account;
pub mod apikey;
pub mod backup;
pub mod centre;
pub mod citizen;
pub mod desk;
pub mod directory;
pub mod doctor;
pub mod keys;
pub mod look;
pub mod ombudsman;
pub mod operator;
pub mod reconcile;
pub mod scores;

use std::{io::Read as _, path::PathBuf};

use tuntas_proto::{
    case::v1::{Case, CaseCommand, case_command},
    common::v1::TextRef,
    intake::v1::{ResolveTicketRequest, StoreTextRequest},
    routing::v1::{ExecuteCommandRequest, ExecuteCommandResponse, GetCaseRequest},
};

use crate::{
    error::{CtlError, Result},
    labels,
    platform::{Platform, Who},
    render::Screen,
    rpc,
};

/// What every command works with.
pub struct Context {
    /// The platform.
    pub platform: Platform,
    /// Output.
    pub screen: Screen,
    /// Position in which to act.
    pub acting_as: Option<String>,
    /// Idempotency key of the write.
    pub key: String,
    /// State folder.
    pub state: PathBuf,
}

impl Context {
    /// The position in which to act.
    ///
    /// # Errors
    /// None was given.
    pub fn position(&self) -> Result<&str> {
        self.acting_as.as_deref().ok_or_else(|| {
            CtlError::usage("this is an officer's act: say in which position")
                .next("add --as POSITION, for example --as diskominfotik.verifikator-1; `tuntas directory list --positions` lists them")
        })
    }

    /// In whose name a read goes out: the position's when one is given.
    #[must_use]
    pub fn reader(&self) -> Who<'_> {
        self.acting_as.as_deref().map_or(Who::Operator, Who::Position)
    }

    /// A key for a part of the write that derives from the key of the whole.
    #[must_use]
    pub fn part_key(&self, part: &str) -> String {
        format!("{}:{part}", self.key)
    }

    /// The case of an id or a ticket number.
    ///
    /// # Errors
    /// It is neither, or there is no such case.
    pub async fn case_id(&self, text: &str) -> Result<String> {
        resolve_case(&self.platform, self.position()?, text).await
    }

    /// The case as routing has it.
    ///
    /// # Errors
    /// There is none, or the position may not see it.
    pub async fn case(&self, text: &str) -> Result<Case> {
        let case_id = self.case_id(text).await?;
        get_case(&self.platform, self.position()?, &case_id).await
    }

    /// Seals a text about a case; none when there is no text.
    ///
    /// # Errors
    /// Intake refuses it.
    pub async fn seal(&self, case: &Case, kind: &str, body: Option<String>) -> Result<Option<TextRef>> {
        let Some(body) = body else { return Ok(None) };
        let request = StoreTextRequest {
            idempotency_key: self.part_key(kind),
            report_id: first_report(case)?.to_owned(),
            kind: kind.to_owned(),
            body,
            ..StoreTextRequest::default()
        };
        store_text(&self.platform, self.position()?, request).await.map(Some)
    }

    /// Lets routing decide a command and shows the case after it.
    ///
    /// # Errors
    /// The command is refused.
    pub async fn execute(&self, case_id: String, command: case_command::Command) -> Result<()> {
        let response = execute(&self.platform, self.position()?, &self.key, case_id, command).await?;
        self.screen.show(&response, |response| {
            response
                .case
                .as_ref()
                .map(|case| crate::render::case_sheet(case, self.platform.now()))
                .unwrap_or_default()
        })
    }
}

/// Lets routing decide a command.
///
/// # Errors
/// The command is refused.
pub async fn execute(
    platform: &Platform,
    position: &str,
    key: &str,
    case_id: String,
    command: case_command::Command,
) -> Result<ExecuteCommandResponse> {
    let request = ExecuteCommandRequest {
        idempotency_key: key.to_owned(),
        command: Some(CaseCommand {
            case_id,
            command: Some(command),
        }),
    };
    rpc!(platform, Who::Position(position), cases().execute_command(request))
}

/// Seals a text in intake.
///
/// # Errors
/// Intake refuses it.
pub async fn store_text(platform: &Platform, position: &str, request: StoreTextRequest) -> Result<TextRef> {
    let response = rpc!(platform, Who::Position(position), vault().store_text(request))?;
    response
        .r#ref
        .ok_or_else(|| CtlError::failure("intake", "no reference of the text"))
}

/// A case from routing.
///
/// # Errors
/// There is none, or the position may not see it.
pub async fn get_case(platform: &Platform, position: &str, case_id: &str) -> Result<Case> {
    let request = GetCaseRequest {
        case_id: case_id.to_owned(),
        ..GetCaseRequest::default()
    };
    let response = rpc!(platform, Who::Position(position), cases().get_case(request))?;
    response
        .case
        .ok_or_else(|| CtlError::failure("routing", "no case in the answer"))
}

/// The case id of an id or a ticket number.
///
/// # Errors
/// It is neither, or intake knows no such ticket, or the case is not open yet.
pub async fn resolve_case(platform: &Platform, position: &str, text: &str) -> Result<String> {
    if let Ok(id) = text.parse::<uuid::Uuid>() {
        return Ok(id.to_string());
    }
    let Some(ticket) = labels::as_ticket(text) else {
        return Err(
            CtlError::usage(format!("{text} is neither a case id nor a ticket number")).next(
                "a ticket looks like TTS-8K3M5Q2P-7; its last character checks the others, so look for a typing error",
            ),
        );
    };
    let request = ResolveTicketRequest {
        ticket: ticket.to_string(),
    };
    let found = rpc!(platform, Who::Position(position), vault().resolve_ticket(request))?;
    if found.case_id.is_empty() {
        return Err(
            CtlError::new(crate::error::Exit::NotFound, "the case of this report is not open yet")
                .next("it takes a moment after filing; when it lasts, `tuntas status` shows what waits"),
        );
    }
    Ok(found.case_id)
}

/// The first report of a case: its texts are sealed under that report's key.
///
/// # Errors
/// The case has none.
pub fn first_report(case: &Case) -> Result<&str> {
    let member = case
        .members
        .first()
        .ok_or_else(|| CtlError::failure("case", "it has no report"))?;
    Ok(&member.report_id)
}

/// Words given as an option, as `@FILE`, or on standard input when the option is `-`.
///
/// # Errors
/// They cannot be read.
pub fn words(text: &str) -> Result<String> {
    if text == "-" {
        let mut read = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut read)
            .map_err(|e| CtlError::usage(format!("standard input: {e}")))?;
        return Ok(read.trim_end().to_owned());
    }
    match text.strip_prefix('@') {
        Some(file) => {
            let path = std::path::Path::new(file);
            std::fs::read_to_string(path)
                .map(|text| text.trim_end().to_owned())
                .map_err(crate::error::at_path(path))
        }
        None => Ok(text.to_owned()),
    }
}

/// Words of an option that may be missing.
///
/// # Errors
/// They cannot be read.
pub fn words_if(text: Option<&String>) -> Result<Option<String>> {
    text.map(|text| words(text)).transpose()
}
