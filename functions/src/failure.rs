//! The domain's error as Lambda reports it: the stable name becomes `errorType`, which `ErrorEquals` matches.

use lambda_runtime::Diagnostic;
use mirrorsnap_domain::error::Error;

/// The error that the state machine gets.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Error);

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.0.name().to_owned(),
            error_message: failure.0.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::error::Kind;

    #[test]
    fn the_stable_name_is_the_error_type() {
        let diagnostic: Diagnostic = Failure(Error::new(Kind::MirrorNotNormal, "found", "next")).into();
        assert_eq!(
            (diagnostic.error_type.as_str(), diagnostic.error_message.as_str()),
            ("MirrorNotNormal", "found. Next: next.")
        );
    }
}
