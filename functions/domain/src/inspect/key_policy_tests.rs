use super::*;
use serde_json::json;

const ROLE: &str = "arn:aws:iam::111122223333:role/mirrorsnap-SetPower";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1";

fn asked(statements: &Value) -> Verdict {
    let question = Question {
        role: ROLE,
        action: "kms:CreateGrant",
        key: KEY,
    };
    question.ask(&json!({"Version": "2012-10-17", "Statement": statements}).to_string())
}

fn allow(principal: &Value, action: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"})
}

fn conditioned(condition: &Value) -> Verdict {
    let mut one = allow(&json!({"AWS": ROLE}), &json!("kms:CreateGrant"));
    one["Condition"] = condition.clone();
    asked(&json!([one]))
}

#[test]
fn the_account_or_the_role_is_let_in_and_nobody_else() {
    let all = json!("kms:*");
    for principal in [
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": ROLE}),
        json!({"AWS": "111122223333"}),
        json!({"AWS": ["arn:aws:iam::111122223333:user/a", "arn:aws:iam::111122223333:root"]}),
    ] {
        assert_eq!(asked(&json!([allow(&principal, &all)])), Allowed, "{principal}");
        assert_eq!(
            asked(&allow(&principal, &all)),
            Allowed,
            "a single statement need be no list"
        );
    }
    for principal in [
        json!({"AWS": "arn:aws:iam::444455556666:root"}),
        json!({"AWS": "444455556666"}),
        json!({"AWS": "arn:aws:iam::111122223333:role/other"}),
        json!({"Service": "ec2.amazonaws.com"}),
    ] {
        assert_eq!(asked(&json!([allow(&principal, &all)])), Denied, "{principal}");
    }
    assert_eq!(
        asked(&json!([allow(&json!({"AWS": "AROAEXAMPLE"}), &all)])),
        Unknown,
        "the id of a role"
    );
    assert_eq!(asked(&json!([])), Denied);
}

#[test]
fn the_action_and_the_key_must_be_named() {
    let role = json!({"AWS": ROLE});
    for action in [
        json!("*"),
        json!("kms:Create*"),
        json!(["kms:Decrypt", "KMS:createGran?"]),
    ] {
        assert_eq!(asked(&json!([allow(&role, &action)])), Allowed, "{action}");
    }
    for action in [
        json!("kms:CreateGran"),
        json!("kms:Decrypt"),
        json!([]),
        json!("kms:CreateGrants"),
    ] {
        assert_eq!(asked(&json!([allow(&role, &action)])), Denied, "{action}");
    }
    let not = json!([{"Effect": "Allow", "Principal": role, "NotAction": "kms:PutKeyPolicy", "Resource": "*"}]);
    assert_eq!(asked(&not), Unknown);
    let mut other = allow(&role, &json!("kms:*"));
    other["Resource"] = json!("arn:aws:kms:eu-west-1:111122223333:key/2");
    assert_eq!(asked(&json!([other])), Denied);
}

#[test]
fn conditions_of_such_a_request_are_judged_and_others_are_not_known() {
    for met in [
        json!({"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        json!({"Bool": {"kms:GrantIsForAWSResource": true}}),
        json!({"StringEquals": {"kms:ViaService": ["rds.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com"], "kms:CallerAccount": "111122223333"}}),
        json!({"StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"}}),
        json!({"ArnLikeIfExists": {"aws:PrincipalArn": "arn:aws:iam::*:role/mirrorsnap-*"}}),
    ] {
        assert_eq!(conditioned(&met), Allowed, "{met}");
    }
    for missed in [
        json!({"Bool": {"kms:GrantIsForAWSResource": "false"}}),
        json!({"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}}),
        json!({"StringEquals": {"kms:CallerAccount": "444455556666"}}),
        json!({"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com", "aws:PrincipalOrgID": "o-1"}}),
    ] {
        assert_eq!(conditioned(&missed), Denied, "{missed}");
    }
    for open in [
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"StringNotEquals": {"kms:CallerAccount": "444455556666"}}),
        json!({"StringEquals": "text"}),
        json!("text"),
    ] {
        assert_eq!(conditioned(&open), Unknown, "{open}");
    }
}

#[test]
fn a_deny_wins_and_one_that_is_not_understood_leaves_it_open() {
    let everybody = allow(&json!("*"), &json!("*"));
    let deny = |condition: &Value| json!([everybody, {"Effect": "Deny", "Principal": "*", "Action": "kms:CreateGrant", "Resource": "*", "Condition": condition}]);
    assert_eq!(asked(&deny(&json!({}))), Denied);
    assert_eq!(
        asked(&deny(&json!({"Bool": {"kms:GrantIsForAWSResource": "false"}}))),
        Allowed
    );
    assert_eq!(
        asked(&deny(&json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}))),
        Unknown
    );
    let question = Question {
        role: ROLE,
        action: "kms:CreateGrant",
        key: KEY,
    };
    assert_eq!(question.ask("no JSON"), Unknown);
    assert_eq!(question.ask("{}"), Denied);
}

#[test]
fn the_request_is_one_through_ec2_of_the_keys_region_and_partition() {
    let china = Question {
        role: "arn:aws-cn:iam::111122223333:role/r",
        action: "kms:Decrypt",
        key: "arn:aws-cn:kms:cn-north-1:111122223333:key/1",
    };
    assert_eq!(
        china.value("kms:ViaService").as_deref(),
        Some("ec2.cn-north-1.amazonaws.com.cn")
    );
    assert_eq!(china.value("kms:GrantIsForAWSResource"), None, "of grants only");
    assert_eq!(china.is_principal("arn:aws-cn:iam::111122223333:root"), Allowed);
}
