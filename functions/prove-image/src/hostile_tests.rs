//! Any bytes are judged, within the bound, without a panic: here with checksums that fit, so that what lies behind them is reached.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const SIZE: u64 = 24 * 1024 * 1024;
const DATA: usize = 2 * 1024 * 1024;

/// An image out of stretches of bytes.
struct Made {
    bytes: Vec<u8>,
    reads: u32,
    /// What the source answers instead of one of its blocks.
    answers: BTreeMap<u64, Result<Block, ReadError>>,
}

impl Made {
    fn new() -> Self {
        Self {
            bytes: vec![0; usize::try_from(SIZE).unwrap()],
            reads: 0,
            answers: BTreeMap::new(),
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// An MBR with a cluster partition of 1 MiB, which is not empty, and a data partition up to the end.
    fn partitioned() -> Self {
        let mut made = Self::new();
        for (at, kind, first, sectors) in [(446, 0x83, 2048_u32, 2048_u32), (462, 0x83, 4096, 24 * 2048 - 4096)] {
            made.put(at + 4, &[kind]);
            made.put(at + 8, &first.to_le_bytes());
            made.put(at + 12, &sectors.to_le_bytes());
        }
        made.put(510, &[0x55, 0xaa]);
        made.put(1024 * 1024, b"mirror");
        made
    }

    fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes[DATA..DATA + FINGERPRINTED]).into()
    }
}

impl Blocks for Made {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read(&mut self, index: u64) -> Result<Block, ReadError> {
        self.reads += 1;
        if let Some(answer) = self.answers.get(&index) {
            return answer.clone();
        }
        let at = usize::try_from(index).unwrap() * BLOCK;
        Ok(Block::Bytes(self.bytes[at..at + BLOCK].to_vec()))
    }
}

const BOTH: [Quiet; 2] = [Quiet::Unmounted, Quiet::Frozen];

fn subject(fingerprint: Option<[u8; 32]>) -> MirrorDisk {
    MirrorDisk {
        cluster_partition: Place::Partition(1),
        data_partition: Place::Partition(2),
        fingerprint,
        table: None,
        quiet: Quiet::Unmounted,
    }
}

/// Both ways; the report is that of an unmounted file system.
fn judged(mut image: Made) -> Report {
    let print = image.fingerprint();
    let [unmounted, _] = BOTH.map(|quiet| {
        image.reads = 0;
        let asked = MirrorDisk {
            quiet,
            ..subject(Some(print))
        };
        let report = judge(&asked, &mut image).unwrap();
        assert_eq!(report.blocks, image.reads);
        assert!(report.blocks <= BOUND);
        assert!(!report.verdict.sentence().is_empty());
        report
    });
    unmounted
}

/// A superblock of XFS whose checksum fits. Numbers that are plausible, some of them changed.
fn xfs(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut sector = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| sector[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"XFSB");
    put(4, &4096_u32.to_be_bytes());
    put(8, &5000_u64.to_be_bytes());
    put(48, &16_u64.to_be_bytes());
    put(84, &5000_u32.to_be_bytes());
    put(88, &1_u32.to_be_bytes());
    put(96, &2000_u32.to_be_bytes());
    put(100, &0xb4a5_u16.to_be_bytes());
    put(102, &512_u16.to_be_bytes());
    put(120, &[12]);
    put(124, &[13]);
    for (at, value) in changes {
        put(at % 512, &[*value]);
    }
    let sum = checksum::castagnoli_around(&sector, 224).unwrap();
    sector[224..228].copy_from_slice(&sum.to_le_bytes());
    sector
}

/// ext4's superblock, likewise.
fn ext4(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let mut put = |at: usize, data: &[u8]| bytes[at..at + data.len()].copy_from_slice(data);
    put(0x4, &5000_u32.to_le_bytes());
    put(0x18, &2_u32.to_le_bytes());
    put(0x1c, &2_u32.to_le_bytes());
    put(0x20, &32_768_u32.to_le_bytes());
    put(0x28, &1024_u32.to_le_bytes());
    put(0x38, &0xef53_u16.to_le_bytes());
    put(0x3a, &[1]);
    put(0x4c, &[1]);
    put(0x58, &[0, 1]);
    put(0x5c, &[4]);
    put(0x64, &[0, 4]);
    put(0xe0, &[8]);
    put(0xfd, &[1]);
    put(0x175, &[1]);
    put(0x10c, &[0x0a, 0xf3, 1, 0, 4]);
    put(0x10c + 20, &[100]);
    for (at, value) in changes {
        put(at % 1020, &[*value]);
    }
    let sum = !checksum::castagnoli(&[&bytes[..0x3fc]]);
    bytes[0x3fc..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    prop::collection::vec((0..1024_usize, any::<u8>()), 0..6)
}

/// Sectors of a log: mostly rounds, sometimes a record's header.
fn sectors() -> impl Strategy<Value = Vec<(u16, u32, u32, u32)>> {
    prop::collection::vec((0..16_000_u16, 0..3_u32, any::<u32>(), 0..600_u32), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn any_superblock_and_log_of_xfs(changes in changes(), sectors in sectors(), cycle in 0..3_u32, until in 0..16_000_usize) {
        let mut image = Made::partitioned();
        image.put(DATA, &xfs(&changes));
        let log = DATA + 16 * 4096;
        for at in 0..until {
            image.put(log + at * 512, &cycle.to_be_bytes());
        }
        for (at, round, version, length) in sectors {
            let at = log + usize::from(at) * 512;
            image.put(at, &0xfeed_babe_u32.to_be_bytes());
            for (offset, value) in [(4, round), (8, version % 4), (12, length * 512), (40, 1), (320, version)] {
                image.put(at + offset, &value.to_be_bytes());
            }
        }
        judged(image);
    }

    #[test]
    fn any_superblock_of_ext4(changes in changes(), journal in prop::collection::vec(any::<u8>(), 64)) {
        let mut image = Made::partitioned();
        image.put(DATA + 1024, &ext4(&changes));
        image.put(DATA + 100 * 4096, &journal);
        judged(image);
    }

    #[test]
    fn any_table(bytes in prop::collection::vec(any::<u8>(), 64), kind in prop::sample::select(vec![0xee_u8, 5, 0x83])) {
        let mut image = Made::partitioned();
        image.put(446, &bytes);
        image.put(450, &[kind]);
        image.put(510, &[0x55, 0xaa]);
        judged(image);
    }

    #[test]
    fn any_label_and_metadata_of_lvm(header in prop::collection::vec(0..4_u64, 16), text in "[a-z0-9{}= \"\\[\\],\n]{0,200}") {
        let mut image = Made::new();
        let mut label = vec![0; 512];
        label[..8].copy_from_slice(b"LABELONE");
        label[8] = 1;
        label[20] = 32;
        label[24..32].copy_from_slice(b"LVM2 001");
        for (at, number) in header.iter().enumerate() {
            label[72 + at * 8..80 + at * 8].copy_from_slice(&(number * 4096).to_le_bytes());
        }
        let sum = checksum::lvm(&label[20..]);
        label[16..20].copy_from_slice(&sum.to_le_bytes());
        image.put(512, &label);
        let text = format!("vg {{ {text} }}\0");
        let mut area = vec![0; 512];
        area[4..20].copy_from_slice(b" LVM2 x[5A%r0N*>");
        for (at, number) in [(24, 4096), (32, 1 << 20), (40, 512), (48, text.len() as u64)] {
            area[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        area[20] = 1;
        area[56..60].copy_from_slice(&checksum::lvm(text.as_bytes()).to_le_bytes());
        let sum = checksum::lvm(&area[4..]);
        area[..4].copy_from_slice(&sum.to_le_bytes());
        image.put(4096, &area);
        image.put(4096 + 512, text.as_bytes());
        let place = |volume: &str| Place::LogicalVolume { group: "vg".to_owned(), volume: volume.to_owned() };
        let subject = MirrorDisk { cluster_partition: place("cp"), data_partition: place("dp"), fingerprint: None, table: None, quiet: Quiet::Unmounted };
        judge(&subject, &mut image).unwrap();
    }

    #[test]
    fn any_first_block(bytes in prop::collection::vec(any::<u8>(), 4096)) {
        let mut image = Made::new();
        image.put(0, &bytes);
        judged(image);
    }
}

#[test]
fn the_made_superblocks_are_taken() {
    // Else the tests above would end at the superblock.
    let mut image = Made::partitioned();
    image.put(DATA, &xfs(&[]));
    assert_eq!(judged(image).verdict.name(), "log-damaged");
    let mut image = Made::partitioned();
    image.put(DATA + 1024, &ext4(&[]));
    // Its one group has no descriptor.
    assert_eq!(judged(image).verdict.name(), "groups-damaged");
}

#[test]
fn without_a_fingerprint_nothing_is_clean() {
    let mut image = Made::partitioned();
    image.put(DATA, b"something else");
    let verdict = judge(&subject(None), &mut image).unwrap().verdict;
    assert!(
        matches!(verdict, Verdict::NotJudged(NotJudged::Contents, _)),
        "{verdict:?}"
    );
    let verdict = judge(&subject(Some([0; 32])), &mut image).unwrap().verdict;
    assert_eq!(verdict.name(), "fingerprint-differs");
}

#[test]
fn an_empty_cluster_partition_and_a_missing_one() {
    let mut image = Made::partitioned();
    image.put(1024 * 1024, b"\0\0\0\0\0\0");
    assert_eq!(judged(image).verdict.name(), "cluster-partition-empty");
    let mut image = Made::partitioned();
    image.put(446, &[0; 16]);
    assert_eq!(judged(image).verdict.name(), "partition-missing");
}

#[test]
fn a_block_that_cannot_be_read_is_no_verdict() {
    let mut image = Made::partitioned();
    let error = ReadError {
        index: 4,
        found: "throttled".to_owned(),
    };
    image.answers.insert(4, Err(error.clone()));
    assert_eq!(judge(&subject(None), &mut image), Err(error));
    image.answers.insert(4, Ok(Block::Bytes(vec![1; 100])));
    assert_eq!(
        judge(&subject(None), &mut image).unwrap_err().found,
        "it has 100 bytes only"
    );
    image.answers.insert(4, Ok(Block::Sparse));
    let report = judge(&subject(None), &mut image).unwrap();
    assert_eq!((report.verdict.name(), report.sparse), ("not-judged", 1));
}

#[test]
fn a_saved_table_is_compared() {
    let mut image = Made::partitioned();
    let table = judge(&subject(None), &mut image).unwrap().table.unwrap();
    assert_eq!(table.partitions.len(), 2);
    let text = serde_json::to_string(&table).unwrap();
    assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
    let mut saved = subject(None);
    saved.table = Some(table);
    assert_eq!(judge(&saved, &mut image).unwrap().verdict.name(), "not-judged");
    image.put(446 + 8, &2056_u32.to_le_bytes());
    image.put(446 + 12, &2040_u32.to_le_bytes());
    image.put(2056 * 512, b"mirror");
    let verdict = judge(&saved, &mut image).unwrap().verdict;
    assert_eq!(
        verdict.sentence().split(';').next().unwrap(),
        "the image is not clean (table-differs): not as they were saved: partition 1"
    );
}

#[test]
fn the_bound_on_blocks_ends_a_judgement() {
    let mut image = Made::partitioned();
    let mut disk = Disk::new(&mut image);
    for round in 0..u64::from(BOUND) {
        // Further apart than what is kept.
        disk.read(round % 40 * BLOCK as u64, 1).unwrap();
    }
    let stop = disk.read(41 * BLOCK as u64, 1).unwrap_err();
    assert!(
        matches!(stop, Stop::Verdict(Verdict::NotJudged(NotJudged::TooManyBlocks, _))),
        "{stop:?}"
    );
    assert_eq!(disk.counts(), (BOUND, 0));
}
