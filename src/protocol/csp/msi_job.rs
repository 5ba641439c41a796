//! `MsiInstallJob`: what a device is told about an MSI (CSP `EnterpriseDesktopAppManagement`, node `DownloadInstall`).

use crate::xml::Writer;

/// An MSI, where it is and how it is installed. Whoever fills it in has checked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsiInstallJob<'a> {
    /// `ProductCode`, in braces.
    pub product_code: &'a str,
    /// Version of the product.
    pub version: &'a str,
    /// Where it is fetched.
    pub url: &'a str,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: &'a str,
    /// Arguments of `msiexec`.
    pub arguments: &'a str,
    /// Minutes that the installation may take; 0 is for ever.
    pub timeout_minutes: u32,
    /// How often the device tries again.
    pub retries: u32,
    /// Minutes between the tries.
    pub retry_interval_minutes: u32,
}

impl MsiInstallJob<'_> {
    /// The document.
    pub fn to_xml(&self) -> String {
        let mut xml = Writer::new(String::new());
        xml.open_with("MsiInstallJob", &[("id", self.product_code)]);
        xml.open_with("Product", &[("Version", self.version)]);
        xml.open("Download");
        xml.open("ContentURLList");
        xml.leaf_with("ContentURL", &[], self.url);
        xml.close("ContentURLList");
        xml.close("Download");
        xml.open("Validation");
        xml.leaf_with("FileHash", &[], &self.sha256.to_ascii_uppercase());
        xml.close("Validation");
        xml.open("Enforcement");
        xml.leaf_with("CommandLine", &[], self.arguments);
        xml.leaf_with("TimeOut", &[], &self.timeout_minutes.to_string());
        xml.leaf_with("RetryCount", &[], &self.retries.to_string());
        xml.leaf_with("RetryInterval", &[], &self.retry_interval_minutes.to_string());
        xml.close("Enforcement");
        xml.close("Product");
        xml.close("MsiInstallJob");
        xml.into_sink()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_filled_in_is_escaped() {
        let job = MsiInstallJob {
            product_code: "{1803A630-3C38-4D2B-9B9A-0CB37243539C}",
            version: "1.2.3",
            url: "https://cdn.example.test/a.msi?x=1&y=2",
            sha256: "ab",
            arguments: "/quiet NAME=\"<a>\"",
            timeout_minutes: 10,
            retries: 3,
            retry_interval_minutes: 5,
        };
        assert_eq!(
            job.to_xml(),
            "<MsiInstallJob id=\"{1803A630-3C38-4D2B-9B9A-0CB37243539C}\"><Product Version=\"1.2.3\"><Download>\
             <ContentURLList><ContentURL>https://cdn.example.test/a.msi?x=1&amp;y=2</ContentURL></ContentURLList>\
             </Download><Validation><FileHash>AB</FileHash></Validation><Enforcement><CommandLine>/quiet \
             NAME=&quot;&lt;a&gt;&quot;</CommandLine><TimeOut>10</TimeOut><RetryCount>3</RetryCount>\
             <RetryInterval>5</RetryInterval></Enforcement></Product></MsiInstallJob>"
        );
    }
}
