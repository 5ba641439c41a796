//! Names, meanings and remedies of the Status codes (OMA `RepPro` 10, with what they mean on Windows), in words for
//! people who help the owner of a device.

mod done;
mod failed;
mod refused;

/// What is known of a code.
pub(super) struct Row {
    pub(super) code: u16,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    /// Empty where nothing is to be done.
    pub(super) remedy: &'static str,
}

/// The row of a code.
pub(super) fn find(code: u16) -> Option<&'static Row> {
    all().find(|row| row.code == code)
}

/// Every row, in the order of the codes.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    [done::DONE, refused::REFUSED, failed::FAILED].into_iter().flatten()
}

const fn row(code: u16, name: &'static str, meaning: &'static str, remedy: &'static str) -> Row {
    Row { code, name, meaning, remedy }
}
