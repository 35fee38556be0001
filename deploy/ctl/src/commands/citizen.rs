//! What a reporter does, with nothing but the receipt.

use std::path::{Path, PathBuf};

use futures::stream;
use tuntas_proto::{
    case::v1::{Privacy, ReportKind},
    common::v1::PageRequest,
    intake::v1::{
        AttachmentHeader, CompleteReportRequest, ContestDecisionRequest, DisputeAnswerRequest, FileReportRequest,
        Identity, Place, PublicReport, RateHandlingRequest, Receipt, RecoverReceiptRequest, SearchRegisterRequest,
        SendMessageRequest, SuggestSimilarRequest, TrackReportRequest, TrackReportResponse, UploadAttachmentRequest,
        UploadAttachmentResponse, WithdrawReportRequest, upload_attachment_request::Part,
    },
};

use super::{Context, words};
use crate::{
    error::{CtlError, Result, at_path},
    labels::{self, KindArg, PrivacyArg},
    platform::{Platform, Who},
    render, rpc,
};

const CHUNK_BYTES: usize = 64 << 10;

/// Commands of this group.
#[derive(Debug, clap::Subcommand)]
pub enum CitizenCommand {
    /// File a report; prints the receipt, once
    File(Box<FileArgs>),
    /// Where a report stands, with all that was written
    Track {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
        /// Wait up to 1 s until this command is decided
        #[arg(long, value_name = "COMMAND_ID")]
        after: Option<String>,
    },
    /// Have a new receipt code sent to the contact that was given when filing
    Recover {
        /// Ticket number
        ticket: String,
        /// E-mail address or telephone number, as given when filing
        #[arg(long)]
        contact: String,
    },
    /// Add what was asked for
    Complete {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
        /// Words; `-` reads standard input, `@FILE` a file
        #[arg(long, default_value = "-")]
        body: String,
        /// Files to add
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
    },
    /// Say that an answer is not true or not enough
    Dispute {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
        /// Words; `-` reads standard input, `@FILE` a file
        #[arg(long, default_value = "-")]
        body: String,
        /// Files to add
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
    },
    /// Rate the handling, from 1 (very poor) to 5 (very good)
    Rate {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
        /// Stars
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5))]
        stars: u32,
    },
    /// Take a report back
    Withdraw {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
    },
    /// Object to a rejection, referral, lapse or merge
    Contest {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
        /// Words; `-` reads standard input, `@FILE` a file
        #[arg(long, default_value = "-")]
        body: String,
    },
    /// Write to the officers; pauses nothing
    Message {
        /// The receipt.
        #[command(flatten)]
        receipt: ReceiptArgs,
        /// Words; `-` reads standard input, `@FILE` a file
        #[arg(long, default_value = "-")]
        body: String,
    },
    /// Search the public register
    Search(SearchArgs),
}

/// What is searched for.
#[derive(Debug, clap::Args)]
pub struct SearchArgs {
    /// Words
    #[arg(default_value = "")]
    query: String,
    /// Only this category
    #[arg(long, default_value = "")]
    category: String,
    /// Only this region
    #[arg(long, default_value = "")]
    region: String,
    /// Only cases of this agency
    #[arg(long, default_value = "")]
    agency: String,
    /// Rows, at most 200
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Next page: the cursor printed by the page before
    #[arg(long, default_value = "")]
    cursor: String,
}

/// The receipt.
#[derive(Debug, clap::Args)]
pub struct ReceiptArgs {
    /// Ticket number, TTS-...
    ticket: String,
    /// Receipt code; better given as TUNTAS_RECEIPT_CODE, arguments are everybody's to read
    #[arg(env = "TUNTAS_RECEIPT_CODE", hide_env_values = true)]
    receipt_code: String,
}

impl From<ReceiptArgs> for Receipt {
    fn from(args: ReceiptArgs) -> Self {
        Self {
            ticket: args.ticket,
            receipt_code: args.receipt_code,
        }
    }
}

/// What is filed.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// Kind of the report
    #[arg(long, value_enum, default_value = "complaint")]
    kind: KindArg,
    /// Who may know
    #[arg(long, value_enum, default_value = "open")]
    privacy: PrivacyArg,
    /// Title, 1 to 200 characters
    #[arg(long)]
    title: String,
    /// Words, 20 to 10,000 characters; `-` reads standard input, `@FILE` a file
    #[arg(long, default_value = "-")]
    body: String,
    /// Category, see `tuntas directory list --categories`
    #[arg(long)]
    category: String,
    /// Region, such as 14.71
    #[arg(long)]
    region: String,
    /// Agency, when it is known
    #[arg(long, default_value = "")]
    agency: String,
    /// Place in words
    #[arg(long, default_value = "")]
    place: String,
    /// Latitude, WGS 84
    #[arg(long, allow_negative_numbers = true, requires = "lon")]
    lat: Option<f64>,
    /// Longitude, WGS 84
    #[arg(long, allow_negative_numbers = true, requires = "lat")]
    lon: Option<f64>,
    /// Day on which it happened, such as 2026-11-20
    #[arg(long, default_value = "")]
    date: String,
    /// Photos or documents
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// Your name
    #[arg(long, default_value = "")]
    name: String,
    /// Your national identity number, 16 digits
    #[arg(long, default_value = "")]
    nik: String,
    /// Your phone number
    #[arg(long, default_value = "")]
    phone: String,
    /// Your e-mail address, for news of the report
    #[arg(long, default_value = "")]
    email: String,
    /// Your address
    #[arg(long, default_value = "")]
    address: String,
    /// Channel: web, open311, grpc, email, sms, assisted
    #[arg(long, default_value = "grpc")]
    channel: String,
    /// Link to the post that an officer enters this from
    #[arg(long, default_value = "")]
    source_url: String,
    /// Language of mails: id or en
    #[arg(long, default_value = "id")]
    language: String,
    /// "This is mine too": ticket of the public report
    #[arg(long, default_value = "")]
    same_as: String,
    /// Only show public reports that are like this one
    #[arg(long)]
    similar: bool,
}

/// Runs a command of this group.
///
/// # Errors
/// What intake says.
pub async fn run(command: CitizenCommand, context: &Context) -> Result<()> {
    let platform = &context.platform;
    let key = context.key.clone();
    match command {
        CitizenCommand::File(args) => file(*args, context).await,
        CitizenCommand::Track { receipt, after } => track(receipt.into(), after, context).await,
        CitizenCommand::Recover { ticket, contact } => recover(ticket, contact, context).await,
        CitizenCommand::Complete { receipt, body, attach } => {
            let attachment_ids = upload_all(platform, &attach).await?;
            let request = CompleteReportRequest {
                idempotency_key: key,
                receipt: Some(receipt.into()),
                text: words(&body)?,
                attachment_ids,
            };
            accepted(
                context,
                &rpc!(platform, Who::Citizen, intake().complete_report(request))?,
            )
        }
        CitizenCommand::Dispute { receipt, body, attach } => {
            let attachment_ids = upload_all(platform, &attach).await?;
            let request = DisputeAnswerRequest {
                idempotency_key: key,
                receipt: Some(receipt.into()),
                text: words(&body)?,
                attachment_ids,
            };
            accepted(
                context,
                &rpc!(platform, Who::Citizen, intake().dispute_answer(request))?,
            )
        }
        CitizenCommand::Rate { receipt, stars } => {
            let request = RateHandlingRequest {
                idempotency_key: key,
                receipt: Some(receipt.into()),
                stars,
            };
            accepted(context, &rpc!(platform, Who::Citizen, intake().rate_handling(request))?)
        }
        CitizenCommand::Withdraw { receipt } => {
            let request = WithdrawReportRequest {
                idempotency_key: key,
                receipt: Some(receipt.into()),
            };
            accepted(
                context,
                &rpc!(platform, Who::Citizen, intake().withdraw_report(request))?,
            )
        }
        CitizenCommand::Contest { receipt, body } => {
            let request = ContestDecisionRequest {
                idempotency_key: key,
                receipt: Some(receipt.into()),
                text: words(&body)?,
            };
            accepted(
                context,
                &rpc!(platform, Who::Citizen, intake().contest_decision(request))?,
            )
        }
        CitizenCommand::Message { receipt, body } => {
            let request = SendMessageRequest {
                idempotency_key: key,
                receipt: Some(receipt.into()),
                text: words(&body)?,
            };
            let response = rpc!(platform, Who::Citizen, intake().send_message(request))?;
            context
                .screen
                .show(&response, |response| format!("pesan tersimpan ({})", response.text_id))
        }
        CitizenCommand::Search(args) => search(args, context).await,
    }
}

async fn search(args: SearchArgs, context: &Context) -> Result<()> {
    let request = SearchRegisterRequest {
        query: args.query,
        category_code: args.category,
        region_code: args.region,
        opd_code: args.agency,
        page: Some(PageRequest {
            size: args.limit,
            cursor: args.cursor,
        }),
        ..SearchRegisterRequest::default()
    };
    let response = rpc!(context.platform, Who::Citizen, intake().search_register(request))?;
    context.screen.show(&response, |response| {
        let more = if response.next_cursor.is_empty() {
            String::new()
        } else {
            format!("\n\nmore: --cursor {}", response.next_cursor)
        };
        public_table(&response.reports) + &more
    })
}

async fn file(args: FileArgs, context: &Context) -> Result<()> {
    let platform = &context.platform;
    let body = words(&args.body)?;
    if args.similar {
        let request = SuggestSimilarRequest {
            text: format!("{}\n{body}", args.title),
            category_code: args.category,
            region_code: args.region,
        };
        let response = rpc!(platform, Who::Citizen, intake().suggest_similar(request))?;
        return context
            .screen
            .show(&response, |response| public_table(&response.reports));
    }
    let identity = Identity {
        name: args.name,
        nik: args.nik,
        phone: args.phone,
        email: args.email,
        address: args.address,
    };
    let request = FileReportRequest {
        idempotency_key: context.key.clone(),
        kind: ReportKind::from(args.kind).into(),
        privacy: Privacy::from(args.privacy).into(),
        title: args.title,
        body,
        category_code: args.category,
        region_code: args.region,
        named_opd: args.agency,
        place: Some(Place {
            description: args.place,
            latitude: args.lat,
            longitude: args.lon,
        }),
        event_date: args.date,
        attachment_ids: upload_all(platform, &args.attach).await?,
        identity: (identity != Identity::default()).then_some(identity),
        channel: args.channel,
        source_url: args.source_url,
        language: args.language,
        same_as_ticket: args.same_as,
    };
    let response = rpc!(platform, Who::Citizen, intake().file_report(request))?;
    context.screen.show(&response, |receipt| {
        let now = platform.now();
        render::fields(&[
            ("nomor tiket", receipt.ticket.clone()),
            (
                "kode tanda terima",
                format!("{}   (simpan: hanya ditampilkan sekali)", receipt.receipt_code),
            ),
            ("diterima", render::at(receipt.filed_at.as_ref())),
            (
                "verifikasi paling lambat",
                render::due(receipt.verification_due_at.as_ref(), now),
            ),
            (
                "lihat perkembangan",
                format!("tuntas track {} {}", receipt.ticket, receipt.receipt_code),
            ),
        ])
    })
}

async fn recover(ticket: String, contact: String, context: &Context) -> Result<()> {
    let request = RecoverReceiptRequest {
        ticket,
        contact,
        proven: false,
    };
    let response = rpc!(context.platform, Who::Citizen, intake().recover_receipt(request))?;
    context.screen.show(&response, |_| {
        "if ticket and contact belong together, a new code is on its way to that e-mail address".to_owned()
    })
}

async fn track(receipt: Receipt, after: Option<String>, context: &Context) -> Result<()> {
    let request = TrackReportRequest {
        receipt: Some(receipt),
        after_command_id: after.unwrap_or_default(),
    };
    let response = rpc!(context.platform, Who::Citizen, intake().track_report(request))?;
    context.screen.show(&response, |response| tracked(response, context))
}

fn tracked(report: &TrackReportResponse, context: &Context) -> String {
    let now = context.platform.now();
    let case = report.case.as_ref();
    let mut parts = vec![render::fields(&[
        ("tiket", report.ticket.clone()),
        ("judul", report.title.clone()),
        (
            "jenis",
            format!("{}, {}", labels::kind(report.kind), labels::privacy(report.privacy)),
        ),
        (
            "status",
            case.map_or_else(
                || "diterima, menunggu dibuka".to_owned(),
                |case| labels::state_and_outcome(case.state, case.outcome),
            ),
        ),
        (
            "pada",
            case.map(|case| labels::party(case.holder.as_ref())).unwrap_or_default(),
        ),
        (
            "batas waktu",
            case.and_then(|case| case.next_due_at.as_ref())
                .map(|due| render::due(Some(due), now))
                .unwrap_or_default(),
        ),
        ("digabung ke", report.ticket_of_surviving_case.clone()),
    ])];
    let steps = report.timeline.iter().map(|entry| {
        vec![
            render::at(entry.at.as_ref()),
            entry.r#type.clone(),
            entry.opd_code.clone(),
            entry.reason_code.clone(),
        ]
    });
    parts.push(render::table(
        &["WAKTU", "KEJADIAN", "OPD", "ALASAN"],
        &steps.collect::<Vec<_>>(),
    ));
    for text in &report.texts {
        let from = if text.from_reporter {
            "pelapor"
        } else {
            text.opd_code.as_str()
        };
        parts.push(format!(
            "[{}] {} {from}\n{}",
            text.kind,
            render::at(text.at.as_ref()),
            text.body
        ));
    }
    let waiting = report.commands.iter().filter(|command| command.status != "accepted");
    parts.extend(waiting.map(|command| format!("{}: {} {}", command.kind, command.status, command.code)));
    let seen = report.identity_accesses.iter();
    parts.extend(seen.map(|access| {
        format!(
            "identitas dilihat {} oleh {}: {}",
            render::at(access.at.as_ref()),
            access.position_id,
            access.reason
        )
    }));
    parts.join("\n\n")
}

fn accepted(context: &Context, response: &tuntas_proto::intake::v1::CitizenCommandResponse) -> Result<()> {
    context.screen.show(response, |response| {
        format!(
            "diterima {} (perintah {}), menunggu keputusan",
            render::at(response.received_at.as_ref()),
            response.command_id
        )
    })
}

fn public_table(reports: &[PublicReport]) -> String {
    let rows = reports.iter().map(|report| {
        vec![
            report.ticket.clone(),
            labels::state_and_outcome(report.state, report.outcome),
            report.category_code.clone(),
            report.region_code.clone(),
            report.lead_opd.clone(),
            render::at(report.filed_at.as_ref()),
            report.title.clone(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        "tidak ada laporan yang cocok".to_owned()
    } else {
        render::table(
            &["TIKET", "STATUS", "KATEGORI", "WILAYAH", "OPD", "DITERIMA", "JUDUL"],
            &rows,
        )
    }
}

async fn upload_all(platform: &Platform, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(files.len());
    for file in files {
        let content = std::fs::read(file).map_err(at_path(file))?;
        ids.push(upload(platform, &file_name(file)?, &content).await?.attachment_id);
    }
    Ok(ids)
}

fn file_name(file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| CtlError::usage(format!("{} is not a file", file.display())))
}

/// Streams a file to intake; its id is to be named in a filing within 24 h.
///
/// # Errors
/// Intake refuses it.
pub async fn upload(platform: &Platform, file_name: &str, content: &[u8]) -> Result<UploadAttachmentResponse> {
    let header = UploadAttachmentRequest {
        part: Some(Part::Header(AttachmentHeader {
            file_name: file_name.to_owned(),
        })),
    };
    let chunks = content.chunks(CHUNK_BYTES).map(|chunk| UploadAttachmentRequest {
        part: Some(Part::Chunk(chunk.to_vec())),
    });
    let parts: Vec<UploadAttachmentRequest> = std::iter::once(header).chain(chunks).collect();
    let client = platform.intake()?;
    platform
        .call(Who::Citizen, parts, |request| {
            let mut client = client.clone();
            async move { client.upload_attachment(request.map(stream::iter)).await }
        })
        .await
}
