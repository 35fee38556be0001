//! What officers look at: inbox, one case with its words, suggestions, deliveries.

use tuntas_proto::{
    case::v1::State,
    common::v1::PageRequest,
    desk::v1::{
        CommandStatus, GetCaseRequest as DeskGetCaseRequest, GetCaseResponse as DeskGetCaseResponse, ListCasesRequest,
    },
    intake::v1::{GetWordsRequest, GetWordsResponse, ListTextsRequest, RevealIdentityRequest, Text},
    notification::v1::ListDeliveriesRequest,
    routing::v1::{GetCaseRequest, GetCaseResponse, HistoryEntry, ListInboxRequest, SuggestDispositionRequest},
};

use super::{Context, first_report};
use crate::{
    error::{CtlError, Result},
    platform::Who,
    render, rpc,
};

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum LookCommand {
    /// Cases that wait for a position, what falls due first on top
    Inbox {
        /// Only this state, such as in_progress
        #[arg(long)]
        status: Option<String>,
        /// Only what is overdue (positions at the centre)
        #[arg(long)]
        overdue: bool,
        /// Only what is assigned to the position (positions of an agency)
        #[arg(long)]
        mine: bool,
        /// Rows, at most 200
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Next page: the cursor printed by the page before
        #[arg(long, default_value = "")]
        cursor: String,
    },
    /// One case: state, clocks, who held it how long, words and texts
    Show {
        /// Case id or ticket
        case: String,
    },
    /// Where a case should go, and which cases are like it
    Suggest {
        /// Case id or ticket
        case: String,
    },
    /// Who was told what about a case, and whether it arrived
    Deliveries {
        /// Case id or ticket
        case: String,
    },
    /// Who the reporter is; needs a reason, is logged, and the reporter sees it
    Reveal {
        /// Case id or ticket
        case: String,
        /// Why, 10 to 500 characters
        #[arg(long)]
        reason: String,
    },
}

/// Runs a command of this group.
///
/// # Errors
/// What the services say.
pub async fn run(command: LookCommand, context: &Context) -> Result<()> {
    let platform = &context.platform;
    match command {
        LookCommand::Inbox {
            status,
            overdue,
            mine,
            limit,
            cursor,
        } => {
            let state = status.map(|state| parse_state(&state)).transpose()?.unwrap_or_default();
            let page = PageRequest { size: limit, cursor };
            inbox(context, state, overdue, mine, page).await
        }
        LookCommand::Show { case } => show(context, &case).await,
        LookCommand::Suggest { case } => {
            let request = SuggestDispositionRequest {
                case_id: context.case_id(&case).await?,
            };
            let response = rpc!(
                platform,
                Who::Position(context.position()?),
                cases().suggest_disposition(request)
            )?;
            context.screen.show(&response, |response| {
                let rows = response.suggestions.iter().map(|suggestion| {
                    let what = if suggestion.referral {
                        "rujuk ke"
                    } else {
                        "disposisi ke"
                    };
                    vec![
                        what.to_owned(),
                        suggestion.code.clone(),
                        suggestion.score.to_string(),
                        suggestion.reason.clone(),
                    ]
                });
                let like = response
                    .duplicates
                    .iter()
                    .map(|duplicate| format!("mirip: {} ({}%)", duplicate.case_id, duplicate.similarity));
                let table = render::table(&["SARAN", "KODE", "NILAI", "ALASAN"], &rows.collect::<Vec<_>>());
                std::iter::once(table).chain(like).collect::<Vec<_>>().join("\n")
            })
        }
        LookCommand::Deliveries { case } => deliveries(context, &case).await,
        LookCommand::Reveal { case, reason } => {
            let report_id = first_report(&context.case(&case).await?)?.to_owned();
            let request = RevealIdentityRequest {
                idempotency_key: context.key.clone(),
                report_id,
                reason,
            };
            let response = rpc!(
                platform,
                Who::Position(context.position()?),
                vault().reveal_identity(request)
            )?;
            context.screen.show(&response, |response| {
                let identity = response.identity.clone().unwrap_or_default();
                render::fields(&[
                    ("nama", identity.name),
                    ("NIK", identity.nik),
                    ("telepon", identity.phone),
                    ("e-mail", identity.email),
                    ("alamat", identity.address),
                ])
            })
        }
    }
}

fn parse_state(text: &str) -> Result<i32> {
    State::from_str_name(&format!("STATE_{}", text.to_uppercase().replace('-', "_"))).map(i32::from).ok_or_else(|| {
        CtlError::usage(format!("{text} is not a state"))
            .next("one of awaiting_verification, awaiting_completion, awaiting_disposition, awaiting_acceptance, in_progress, answered, disputed, closed")
    })
}

async fn inbox(context: &Context, state: i32, overdue_only: bool, mine: bool, page: PageRequest) -> Result<()> {
    let platform = &context.platform;
    let position = context.position()?;
    let directory = platform.directory().await?;
    let now = platform.now();
    let more = |cursor: &str| {
        if cursor.is_empty() {
            String::new()
        } else {
            format!("\n\nmore: --cursor {cursor}")
        }
    };
    if directory.is_central(position) && !mine {
        let request = ListInboxRequest {
            page: Some(page),
            state,
            overdue_only,
            ..ListInboxRequest::default()
        };
        let response = rpc!(platform, Who::Position(position), cases().list_inbox(request))?;
        return context.screen.show(&response, |response| {
            render::case_table(response.cases.iter(), now) + &more(&response.next_cursor)
        });
    }
    let opd = agency_of(context).await?;
    let request = ListCasesRequest {
        page: Some(page),
        state,
        assigned_to_me: mine,
    };
    let response = rpc!(platform, Who::Position(position), desk(&opd).list_cases(request))?;
    context.screen.show(&response, |response| {
        let waiting = response
            .cases
            .iter()
            .flat_map(|case| &case.pending)
            .map(|command| format!("\n{}", command_line(command)));
        let cases = response.cases.iter().filter_map(|case| case.case.as_ref());
        render::case_table(cases, now) + &waiting.collect::<String>() + &more(&response.next_cursor)
    })
}

/// The agency of the position in which we act.
pub(super) async fn agency_of(context: &Context) -> Result<String> {
    let position = context.position()?;
    let directory = context.platform.directory().await?;
    let opd = directory
        .positions
        .get(position)
        .map(|position| position.opd_code.clone())
        .unwrap_or_default();
    if opd.is_empty() {
        return Err(CtlError::usage(format!(
            "{position} belongs to no agency, and this is done at an agency's desk"
        ))
        .next("act as its liaison or head: --as OPD.sekretaris or --as OPD.kepala"));
    }
    Ok(opd)
}

async fn show(context: &Context, case: &str) -> Result<()> {
    let platform = &context.platform;
    let position = context.position()?;
    let case_id = context.case_id(case).await?;
    let now = platform.now();
    if !platform.directory().await?.is_central(position) {
        let opd_code = agency_of(context).await?;
        let request = DeskGetCaseRequest {
            opd_code: opd_code.clone(),
            case_id,
            at_least_seq: 0,
        };
        let response = rpc!(platform, Who::Position(position), desk(&opd_code).get_case(request))?;
        return context.screen.show(&response, |response| desk_sheet(response, context));
    }
    let request = GetCaseRequest {
        case_id,
        with_history: true,
        ..GetCaseRequest::default()
    };
    let response: GetCaseResponse = rpc!(platform, Who::Position(position), cases().get_case(request))?;
    let mut parts = vec![
        response
            .case
            .as_ref()
            .map(|case| render::case_sheet(case, now))
            .unwrap_or_default(),
    ];
    parts.push(history(&response.history));
    if !context.screen.is_json() {
        for member in response.case.iter().flat_map(|case| &case.members) {
            parts.push(words_of(context, &member.report_id).await);
        }
    }
    context.screen.show(&response, |_| parts.join("\n\n"))
}

async fn words_of(context: &Context, report_id: &str) -> String {
    let platform = &context.platform;
    let who = context.reader();
    let request = GetWordsRequest {
        report_id: report_id.to_owned(),
    };
    let words: Result<GetWordsResponse> = async { rpc!(platform, who, vault().get_words(request)) }.await;
    let request = ListTextsRequest {
        report_id: report_id.to_owned(),
    };
    let texts = async { rpc!(platform, who, vault().list_texts(request)) }
        .await
        .map(|list| list.texts)
        .unwrap_or_default();
    match words {
        Ok(words) => {
            let place = words.place.unwrap_or_default().description;
            let head = format!(
                "--- laporan {} ---\n{}\n{}\n\n{}",
                words.ticket, words.title, place, words.body
            );
            let redacted = if words.redacted_body.is_empty() {
                String::new()
            } else {
                format!("\n\n[untuk umum]\n{}", words.redacted_body)
            };
            format!("{head}{redacted}{}", texts_block(&texts))
        }
        Err(error) => format!("--- laporan {report_id}: isi tidak tersedia ({error}) ---"),
    }
}

fn texts_block(texts: &[Text]) -> String {
    let one = |text: &Text| {
        let from = if text.from_reporter {
            "pelapor"
        } else {
            text.opd_code.as_str()
        };
        format!(
            "\n\n[{}] {} {from}\n{}",
            text.kind,
            render::at(text.at.as_ref()),
            text.body
        )
    };
    texts.iter().map(one).collect()
}

fn desk_sheet(response: &DeskGetCaseResponse, context: &Context) -> String {
    let now = context.platform.now();
    let case = response.case.as_ref().and_then(|case| case.case.as_ref());
    let mut parts = vec![case.map(|case| render::case_sheet(case, now)).unwrap_or_default()];
    parts.extend(response.reports.iter().map(|report| {
        let place = report.place.clone().unwrap_or_default().description;
        format!(
            "--- laporan {} ---\n{}\n{place}\n\n{}{}",
            report.ticket,
            report.title,
            report.body,
            texts_block(&report.texts)
        )
    }));
    if !response.words_unavailable.is_empty() {
        parts.push(format!("isi laporan tidak tersedia: {}", response.words_unavailable));
    }
    parts.extend(response.commands.iter().map(command_line));
    parts.join("\n\n")
}

/// One line about a desk's command.
pub(super) fn command_line(command: &CommandStatus) -> String {
    let result = match command.status.as_str() {
        "refused" => format!("refused ({}): {}", command.code, command.message),
        status => status.to_owned(),
    };
    format!("{} {}: {result}", render::at(command.issued_at.as_ref()), command.kind)
}

fn history(entries: &[HistoryEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        let actor = entry.actor.clone().unwrap_or_default();
        let by = if actor.position_id.is_empty() {
            actor.via
        } else {
            format!("{} ({})", actor.position_id, actor.holder_id)
        };
        let details = entry.details.clone().unwrap_or_default();
        let words = [
            details.clock_kind,
            details.rung,
            details.from_opd,
            details.to_opd,
            details.reason_code,
            details.position_id,
        ];
        let what = words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        vec![
            entry.seq.to_string(),
            render::at(entry.at.as_ref()),
            entry.r#type.clone(),
            by,
            what,
        ]
    });
    render::table(&["SEQ", "AT", "EVENT", "BY", "DETAILS"], &rows.collect::<Vec<_>>())
}

async fn deliveries(context: &Context, case: &str) -> Result<()> {
    let case_id = context.case_id(case).await?;
    let request = ListDeliveriesRequest {
        case_id,
        report_id: String::new(),
    };
    let response = rpc!(
        context.platform,
        context.reader(),
        notification().list_deliveries(request)
    )?;
    context.screen.show(&response, |response| {
        let rows = response.deliveries.iter().map(|delivery| {
            vec![
                render::at(delivery.planned_at.as_ref()),
                format!("{} {}", delivery.recipient_kind, delivery.recipient_id),
                delivery.channel.clone(),
                delivery.template.clone(),
                format!("{} {}", delivery.status, delivery.reason),
                delivery.tries.to_string(),
                render::at(delivery.sent_at.as_ref()),
            ]
        });
        render::table(
            &["PLANNED", "TO", "BY", "TEMPLATE", "STATUS", "TRIES", "SENT"],
            &rows.collect::<Vec<_>>(),
        )
    })
}
