//! The one error of the library: a status and a text that says what was wrong and what was expected.

use crate::status::*;

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", crate::status::name(*status).unwrap_or("unknown status"))]
pub struct Error {
    /// One of the negative numbers of [`crate::status`].
    pub status: i32,
    /// What was wrong and what was expected.
    pub text: String,
}

/// What can fail answers this.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Of one damaged record: what does not need it goes on without it.
    pub fn is_of_record(&self) -> bool {
        self.status == crate::status::SALES_ERR_RECORD
    }

    /// An error with its status and its text.
    pub fn new(status: i32, text: impl Into<String>) -> Self {
        Error { status, text: text.into() }
    }

    /// A defect of ours, told instead of a panic.
    pub fn internal(text: impl Into<String>) -> Self {
        Error::new(SALES_ERR_INTERNAL, text)
    }

    /// A sum or product that does not fit.
    pub fn overflow(what: &str) -> Self {
        Error::new(SALES_ERR_OVERFLOW, format!("{what} does not fit its number"))
    }
}
