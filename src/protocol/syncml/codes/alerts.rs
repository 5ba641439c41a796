//! Names and meanings of the alert codes (OMA `RepPro`, MS-MDM 2.2.7.2).

/// What is known of a code.
pub(super) struct Row {
    pub(super) code: u16,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
}

/// The row of a code.
pub(super) fn find(code: u16) -> Option<&'static Row> {
    ALERTS.iter().find(|row| row.code == code)
}

const fn row(code: u16, name: &'static str, meaning: &'static str) -> Row {
    Row { code, name, meaning }
}

pub(super) static ALERTS: &[Row] = &[
    row(1100, "display", "The device is asked to show a text to its user."),
    row(1101, "confirm or reject", "The device is asked to let its user say yes or no."),
    row(1102, "text input", "The device is asked to let its user write a text."),
    row(1103, "single choice", "The device is asked to let its user choose one of several."),
    row(1104, "multiple choice", "The device is asked to let its user choose some of several."),
    row(1200, "session started by the server", "The device has connected because the server asked it to."),
    row(
        1201,
        "session started by the device",
        "The device has connected by itself: its schedule, a sign-in or an event.",
    ),
    row(1222, "next message", "The next part of what is being sent is asked for."),
    row(1223, "session aborted", "The session was broken off; what was under way may or may not have been done."),
    row(1224, "event", "Something happened on the device that the server should know, such as a sign-in."),
    row(1225, "end of data missing", "A large value broke off before its last part came."),
    row(1226, "report", "A part of the device reports: a job that ended, or that the user has left management."),
];
