//! Ticket numbers: `TTS-XXXXXXXX-C`, eight Crockford base32 characters and a check character.
//!
//! Random, so that a number tells nothing about when or how many reports were filed; the check character
//! (value modulo 37, Crockford's own scheme) catches every single wrong character and every swap of neighbours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECKS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

/// The public number of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketNumber(u64);

/// Why a text is not a ticket number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not nine characters after the prefix.
    #[error("a ticket number has nine characters after TTS-")]
    Length,
    /// A character that Crockford base32 does not have.
    #[error("a ticket number holds only digits and letters")]
    Character,
    /// The check character does not match: a typing error.
    #[error("the check character does not match")]
    Check,
}

impl TicketNumber {
    /// Makes a number from forty random bits.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 5]) -> Self {
        Self(entropy.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }

    fn check_character(self) -> u8 {
        let index = usize::try_from(self.0 % 37).unwrap_or(0);
        CHECKS.get(index).copied().unwrap_or(b'0')
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TTS-")?;
        for place in (0..8).rev() {
            let index = usize::try_from((self.0 >> (place * 5)) & 31).unwrap_or(0);
            let digit = DIGITS.get(index).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(digit))?;
        }
        write!(f, "-{}", char::from(self.check_character()))
    }
}

fn normal(character: char) -> char {
    match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }
}

impl FromStr for TicketNumber {
    type Err = TicketError;

    /// Forgiving: any case, dashes and spaces anywhere or nowhere, `O` for `0`, `I` and `L` for `1`, prefix optional.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let mut plain: Vec<char> = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if plain.len() == 12 {
            let prefix: String = plain.iter().take(3).map(char::to_ascii_uppercase).collect();
            if prefix != "TTS" {
                return Err(TicketError::Character);
            }
            plain.drain(..3);
        }
        let Some((check, digits)) = plain.split_last() else {
            return Err(TicketError::Length);
        };
        if digits.len() != 8 {
            return Err(TicketError::Length);
        }
        let mut value: u64 = 0;
        for digit in digits {
            let digit = normal(*digit);
            let place = DIGITS
                .iter()
                .position(|known| char::from(*known) == digit)
                .ok_or(TicketError::Character)?;
            value = (value << 5) | u64::try_from(place).unwrap_or(0);
        }
        let number = Self(value);
        if char::from(number.check_character()) == normal(*check) {
            Ok(number)
        } else {
            Err(TicketError::Check)
        }
    }
}

impl TryFrom<String> for TicketNumber {
    type Error = TicketError;

    fn try_from(text: String) -> Result<Self, TicketError> {
        text.parse()
    }
}

impl From<TicketNumber> for String {
    fn from(number: TicketNumber) -> Self {
        number.to_string()
    }
}
