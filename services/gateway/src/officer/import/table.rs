//! The file of a backlog as a table: any of the delimiters that exports use, UTF-8 or the older Windows code page.

use tuntas_kit::problem::Problem;

/// Rows taken at once.
pub const ROWS_MAX: usize = 20_000;
const COLUMNS_MAX: usize = 100;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A table with its head.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file (RFC 4180, with the liberties that exports take).
    ///
    /// # Errors
    /// `csv_unreadable`, `csv_too_large`.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let text = decoded(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(&text))
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let unreadable =
            |error: csv::Error| Problem::refusal("csv_unreadable", "the file is no table with a head").caused_by(error);
        let columns: Vec<String> = reader
            .headers()
            .map_err(unreadable)?
            .iter()
            .map(str::to_owned)
            .collect();
        if columns.len() < 2 || columns.len() > COLUMNS_MAX {
            return Err(Problem::refusal("csv_unreadable", "the file is no table with a head"));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            if rows.len() >= ROWS_MAX {
                return Err(Problem::refusal("csv_too_large", "the file has too many rows"));
            }
            let mut row: Vec<String> = record.iter().map(str::to_owned).collect();
            row.resize(columns.len(), String::new());
            rows.push(row);
        }
        Ok(Self { columns, rows })
    }
}

/// Every byte of the code page is a character: that way nothing is refused, and ASCII is itself.
fn decoded(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The delimiter that the head holds most of, outside of quotes.
fn delimiter(text: &str) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in text.bytes() {
        if byte == b'\n' && !quoted {
            break;
        }
        if byte == b'"' {
            quoted = !quoted;
        }
        if let Some(place) = DELIMITERS.iter().position(|one| *one == byte && !quoted) {
            counts[place] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let place = counts.iter().position(|count| *count == most).unwrap_or(0);
    DELIMITERS[place]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_table_is_read_whatever_its_delimiter() {
        let comma = "Nomor,Isi\r\n1,\"Jalan rusak, parah\"\r\n,\r\n2,Air\r\n";
        let table = Table::read(comma.as_bytes()).unwrap();
        assert_eq!(table.columns, ["Nomor", "Isi"]);
        assert_eq!(table.rows, [["1", "Jalan rusak, parah"], ["2", "Air"]]);
        let semicolon = "\u{feff}Nomor;\"Isi, lengkap\"\n1;Jalan\n2;Air;lebih\n3\n";
        let table = Table::read(semicolon.as_bytes()).unwrap();
        assert_eq!(table.columns[1], "Isi, lengkap");
        assert_eq!(table.rows[2], ["3", ""]);
        assert_eq!(table.rows[1], ["2", "Air"], "what has no head is left out");
    }

    #[test]
    fn old_code_pages_do_not_stop_it() {
        let table = Table::read(b"Nomor,Isi\n1,Caf\xe9 ribut\n").unwrap();
        assert_eq!(table.rows[0][1], "Café ribut");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert!(Table::read(b"").is_err());
        assert!(Table::read(b"%PDF-1.7\n").is_err());
    }
}
