//! The URL that CopySnapshot of an encrypted source takes: with it EC2 of the one region asks EC2 of the other one in our name. The API
//! reference wants it, and this SDK does not make it by itself (belief `ebs-copy-presigned`).

use crate::ports::NewCopy;
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use mirrorsnap_domain::copies::Region;
use mirrorsnap_domain::error::{Error, Kind, Result};
use std::time::{Duration, SystemTime};

/// EC2 asks at once; the longest that it may wait.
const VALID: Duration = Duration::from_hours(1);

fn cannot(error: &impl std::fmt::Display) -> Error {
    Error::new(
        Kind::AwsRefused,
        format!("the URL for the source's region cannot be signed: {error}"),
        "check the function's credentials",
    )
}

/// China's regions have endpoints of their own.
fn domain(region: &Region) -> &'static str {
    if region.as_str().starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// `CopySnapshot` at the source's region, signed for it.
pub(super) async fn url(config: &SdkConfig, new: &NewCopy, to: &Region) -> Result<String> {
    let provider = config
        .credentials_provider()
        .ok_or_else(|| cannot(&"there are no credentials"))?;
    let credentials = provider.provide_credentials().await.map_err(|error| cannot(&error))?;
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(new.from.as_str())
        .name("ec2")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| cannot(&error))?
        .into();
    // Every value is an id or a region, of letters, digits and hyphens.
    let url = format!(
        "https://ec2.{from}.{domain}/?Action=CopySnapshot&Version=2016-11-15&SourceRegion={from}&SourceSnapshotId={source}\
         &DestinationRegion={to}",
        from = new.from,
        domain = domain(&new.from),
        source = new.source,
    );
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|error| cannot(&error))?;
    let (signed, _) = sign(request, &params).map_err(|error| cannot(&error))?.into_parts();
    let (_, query) = signed.into_parts();
    let signed: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={}", encoded(&value)))
        .collect();
    Ok(format!("{url}&{}", signed.join("&")))
}

/// Percent-encoding of all but what a query takes as it is.
fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
