//! x
fn main() {
    let _ = (
        aws_sdk_ec2::Config::builder(),
        aws_sdk_ssm::Config::builder(),
        aws_sdk_dynamodb::Config::builder(),
    );
}
