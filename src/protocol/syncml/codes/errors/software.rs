//! What installations report: Windows Installer and packaged apps.

use super::{Explained, error};

pub(super) static SOFTWARE: &[Explained] = &[
    error(
        "0x80070641",
        "installer not available",
        "The Windows Installer could not be started.",
        "Restart the device and try again.",
    ),
    error(
        "0x80070642",
        "installation canceled",
        "Somebody at the device has canceled the installation.",
        "Install without questions to the user, with /quiet.",
    ),
    error(
        "0x80070643",
        "installation failed",
        "The installer met a severe error.",
        "Look into the installer's log on the device.",
    ),
    error("0x80070645", "not installed", "The product is not installed.", "Check the product code."),
    error(
        "0x8007064C",
        "installation source missing",
        "The files that the installer needs can't be found.",
        "Check the address of the package and that the device can reach it.",
    ),
    error(
        "0x80070652",
        "another installation runs",
        "Another installation is under way on the device.",
        "Nothing has to be done if it is tried again; else try again later.",
    ),
    error(
        "0x80070653",
        "package not opened",
        "The package can't be opened.",
        "Check that the address leads to the package itself.",
    ),
    error(
        "0x80070654",
        "package invalid",
        "The file is no valid package.",
        "Check that the file is complete and is an MSI.",
    ),
    error(
        "0x80070661",
        "wrong processor",
        "The package is for another kind of processor.",
        "Use the package for the processor of the device.",
    ),
    error(
        "0x80070666",
        "another version is installed",
        "Another version of the product is installed already.",
        "Remove the old version first.",
    ),
    error(
        "0x80070667",
        "wrong command line",
        "The options of the installer are wrong.",
        "Check the command line of the job.",
    ),
    error(
        "0x80073CF0",
        "app package not opened",
        "The app package can't be opened.",
        "Check that the file is complete and signed.",
    ),
    error(
        "0x80073CF1",
        "app package not found",
        "The app package is not installed or does not exist.",
        "Check the package name.",
    ),
    error(
        "0x80073CF2",
        "app package invalid",
        "The data of the app package is invalid.",
        "Build or download the package again.",
    ),
    error(
        "0x80073CF3",
        "app dependency missing",
        "The app needs another package, or does not fit to one that is installed.",
        "Send the packages that it needs with it, for the right processor.",
    ),
    error(
        "0x80073CF4",
        "no room for the app",
        "The disk of the device is full.",
        "Free some space on the device and try again.",
    ),
    error(
        "0x80073CF5",
        "app not downloaded",
        "The app package could not be downloaded.",
        "Check the address of the package and the network of the device.",
    ),
    error(
        "0x80073CF6",
        "app not registered",
        "The app could not be registered.",
        "Look into the device's event log for app deployment.",
    ),
    error(
        "0x80073CF9",
        "app installation failed",
        "The app could not be installed.",
        "Look into the device's event log for app deployment.",
    ),
    error(
        "0x80073CFA",
        "app removal failed",
        "The app could not be removed.",
        "Check that the app may be removed, and that nobody uses it.",
    ),
    error(
        "0x80073CFB",
        "app exists with other content",
        "The same version of the app is installed with other content.",
        "Raise the version of the package, or remove the app first.",
    ),
    error(
        "0x80073CFF",
        "app not allowed",
        "The device does not allow apps from outside of the store.",
        "Allow trusted apps by policy, and install the certificate that signed the package.",
    ),
    error("0x80073D02", "app in use", "The app is open.", "Close the app and try again."),
    error(
        "0x80073D06",
        "newer version installed",
        "A newer version of the app is installed.",
        "Nothing has to be done, or remove the newer version first.",
    ),
];
