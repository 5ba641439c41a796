//! The page of alerts.

texts! {
    TITLE = "Alerts";
    LEAD = "What devices report by themselves, newest first: that an app was installed, that somebody ends management, that a scheduled task is done.";
    CODE = "Code";
    TYPE = "Type";
    MARK = "How grave";
    ABOUT = "About";
    SAID = "What it said";
    CODE_HINT = "1226";
    NOTHING_YET = "No device has reported anything yet. Devices send alerts in their sessions: order something that takes a while, such as the installation of an app, and look again when the device has checked in.";
    NOTHING_FITS = "No alert among those that were looked at fits. Codes and types are compared as a whole.";
}
