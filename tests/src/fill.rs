//! Databases filled with fictitious reports and cases, copied inside PostgreSQL from those that are there: what a service does with
//! a million reports is seen without filing a million.

use std::path::Path;

use anyhow::ensure;

use crate::sql::{self, Databases};

/// Reports that are added in one transaction.
const STEP: u64 = 10_000;

/// A database, and the script that fills it.
#[derive(Debug, Clone, Copy)]
pub struct Fill {
    /// Database.
    pub database: &'static str,
    /// Script in `src/fill`; it is given `first` and `last`.
    script: &'static str,
    /// Counts what the script has made.
    copies: &'static str,
    tables: &'static [&'static str],
}

/// Public reports of intake.
pub const INTAKE: Fill = Fill {
    database: sql::INTAKE,
    script: "intake.sql",
    copies: "SELECT count(*) FROM report WHERE id >= 'f0000000-0000-0000-0000-000000000000'",
    tables: &[
        "case_state",
        "report",
        "report_key",
        "report_gram",
        "register",
        "register_facet",
    ],
};

/// Their cases at routing.
pub const ROUTING: Fill = Fill {
    database: sql::ROUTING,
    script: "routing.sql",
    copies: "SELECT count(*) FROM kase WHERE case_id >= 'e0000000-0000-0000-0000-000000000000'
             AND case_id < 'f0000000-0000-0000-0000-000000000000'",
    tables: &["kase", "kase_agency", "case_report"],
};

/// Cases of one agency, at its desk.
pub const DESK: Fill = Fill {
    database: "tuntas_desk_dishub",
    script: "desk.sql",
    copies: "SELECT count(*) FROM desk_case WHERE case_id >= 'e0000000-0000-0000-0000-000000000000'
             AND case_id < 'f0000000-0000-0000-0000-000000000000'",
    tables: &["desk_case", "command"],
};

/// Their measures at evaluation.
pub const EVALUATION: Fill = Fill {
    database: "tuntas_evaluation",
    script: "evaluation.sql",
    copies: "SELECT count(*) FROM case_fact WHERE case_id >= 'e0000000-0000-0000-0000-000000000000'
             AND case_id < 'f0000000-0000-0000-0000-000000000000'",
    tables: &["case_fact", "clock_fact", "charge", "signal"],
};

impl Fill {
    /// Adds copies until there are so many, and has the database look at its tables. Answers how many were added.
    ///
    /// # Errors
    /// PostgreSQL's; there is nothing to copy.
    pub fn up_to(self, databases: &Databases, copies: u64) -> anyhow::Result<u64> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fill").join(self.script);
        let before: u64 = databases.ask(self.database, self.copies)?.parse()?;
        let mut made = before;
        while made < copies {
            let last = (made + STEP).min(copies);
            databases.run(self.database, &script, &[("first", made + 1), ("last", last)])?;
            let now: u64 = databases.ask(self.database, self.copies)?.parse()?;
            ensure!(now == last, "{}: {now} copies instead of {last}", self.database);
            made = now;
        }
        for table in self.tables {
            databases.ask(self.database, &format!("VACUUM ANALYZE {table}"))?;
        }
        Ok(made - before)
    }
}
