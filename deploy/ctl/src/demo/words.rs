//! Fictitious Indonesian words: nobody in them exists, no place in them is real below the regency.

use tuntas_proto::{
    event::v1::{Category, Region},
    intake::v1::Identity,
};

use super::dice::Dice;

const FIRST_NAMES: [&str; 16] = [
    "Ahmad", "Siti", "Budi", "Dewi", "Rudi", "Nur", "Hendra", "Rina", "Yusuf", "Mega", "Fajar", "Lestari", "Tono",
    "Wati", "Zul", "Indah",
];
const STREETS: [&str; 14] = [
    "Jalan Contoh Raya",
    "Jalan Melati Percobaan",
    "Jalan Fiktif Indah",
    "Jalan Rekaan Utama",
    "Gang Contoh Dua",
    "Jalan Lintas Misal",
    "Jalan Umpama Baru",
    "Jalan Andaikata",
    "Jalan Teladan Semu",
    "Jalan Simpang Khayal",
    "Jalan Rawa Contoh",
    "Jalan Sungai Rekaan",
    "Jalan Bukit Misalnya",
    "Jalan Pasar Percobaan",
];
const VILLAGES: [&str; 10] = [
    "Desa Contoh Jaya",
    "Desa Rekaan Makmur",
    "Kelurahan Misal Timur",
    "Desa Fiktif Permai",
    "Kelurahan Percobaan Barat",
    "Desa Umpama Sari",
    "Desa Andai Baru",
    "Kelurahan Teladan Semu",
    "Desa Khayal Mulya",
    "Kelurahan Contoh Selatan",
];
const SINCE: [&str; 8] = [
    "sejak minggu lalu",
    "sudah tiga minggu",
    "sejak awal bulan",
    "sudah hampir dua bulan",
    "sejak hujan deras kemarin",
    "sejak libur sekolah",
    "sudah dua kali musim hujan",
    "sejak pagi tadi",
];
const EFFECTS: [&str; 10] = [
    "Anak-anak yang berangkat sekolah kesulitan lewat.",
    "Warga sudah bergotong royong, tetapi tidak cukup.",
    "Pedagang di sekitar mengeluh karena pembeli berkurang.",
    "Sudah ada pengendara yang terjatuh, untungnya hanya luka ringan.",
    "Kami sudah menyampaikan lewat RT/RW, belum ada kabar.",
    "Petugas yang kami temui meminta kami menunggu tanpa kepastian.",
    "Orang tua dan penyandang disabilitas paling terdampak.",
    "Kalau malam keadaannya lebih buruk lagi.",
    "Nomor pengaduan yang tertulis di papan tidak bisa dihubungi.",
    "Di desa sebelah masalah yang sama sudah selesai dalam seminggu.",
];
const REQUESTS: [&str; 6] = [
    "Mohon ditindaklanjuti.",
    "Mohon segera diperiksa ke lapangan.",
    "Kami berharap ada penjelasan resmi.",
    "Tolong kabari kami kapan dikerjakan.",
    "Terima kasih atas perhatiannya.",
    "Semoga ada tindakan nyata.",
];
const IDEAS: [&str; 6] = [
    "menambah jam layanan pada hari Sabtu",
    "membuat antrean daring",
    "menyediakan papan informasi yang mudah dibaca",
    "melatih petugas bahasa isyarat",
    "membuka data anggarannya di situs web",
    "melibatkan karang taruna setempat",
];
const QUESTIONS: [&str; 6] = [
    "apa saja syarat dan berapa biayanya",
    "berapa lama prosesnya",
    "di mana loket yang buka pada hari Jumat",
    "siapa yang berhak mendapatkannya",
    "kapan jadwal berikutnya",
    "berapa anggaran tahun ini dan untuk apa saja",
];
const WORKS: [&str; 8] = [
    "Tim lapangan memeriksa lokasi dan memperbaiki bagian yang rusak.",
    "Petugas membersihkan saluran dan mengangkut sisa material.",
    "Kami mengganti komponen yang rusak dan mengujinya selama dua hari.",
    "Kepala seksi menemui warga dan menyepakati jadwal perbaikan, tahap pertama selesai.",
    "Pelaksana ditegur dan layanan dibuka kembali sesuai jam yang tertera.",
    "Berkas pemohon diperiksa ulang dan diterbitkan hari itu juga.",
    "Pengawasan rutin ditambah menjadi dua kali seminggu.",
    "Alat dipinjamkan dari unit lain sampai yang baru tiba.",
];
const FACTS: [&str; 4] = [
    "Setelah diperiksa bersama perangkat desa, keadaan yang dilaporkan tidak ditemukan di lokasi itu.",
    "Foto yang beredar diambil di provinsi lain pada tahun 2019.",
    "Pungutan yang dimaksud adalah retribusi resmi menurut peraturan daerah, tarifnya terpampang di loket.",
    "Kegiatan itu dijadwalkan ulang secara resmi dan telah diumumkan dua minggu sebelumnya.",
];
const STOCK_ANSWER: &str = "Terima kasih atas laporan Anda. Laporan telah kami terima dan diteruskan kepada bidang terkait untuk ditindaklanjuti sesuai ketentuan.";

/// What a report is about, to be told in different words by different people.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What happened, such as "lampu jalan mati".
    pub what: String,
    /// Street and village.
    pub place: String,
    /// Name of the regency.
    pub region: String,
}

impl Subject {
    /// Something that fits a category.
    pub fn of(dice: &mut Dice, category: &Category, region: &Region) -> Self {
        let what = dice
            .pick(&category.examples_id)
            .cloned()
            .unwrap_or_else(|| category.name_id.to_lowercase());
        let place = format!(
            "{} km {}, {}",
            dice.word(&STREETS),
            dice.between(1, 48),
            dice.word(&VILLAGES)
        );
        Self {
            what,
            place,
            region: region.name.clone(),
        }
    }

    /// Title and words of a complaint.
    pub fn complaint(&self, dice: &mut Dice) -> (String, String) {
        let title = format!("{} di {}", capital(&self.what), self.place);
        let opening = match dice.between(1, 4) {
            1 => format!(
                "Kami melaporkan {} di {}, {}, {}.",
                self.what,
                self.place,
                self.region,
                dice.word(&SINCE)
            ),
            2 => format!(
                "{} {} terjadi {} ({}).",
                "Izin melapor, Bapak/Ibu:",
                self.what,
                dice.word(&SINCE),
                self.place
            ),
            3 => format!(
                "Di {} ({}) ada {}, {}.",
                self.place,
                self.region,
                self.what,
                dice.word(&SINCE)
            ),
            _ => format!(
                "Mohon bantuan. {} di {} {}.",
                capital(&self.what),
                self.place,
                dice.word(&SINCE)
            ),
        };
        (
            title,
            format!(
                "{opening} {} {} {}",
                dice.word(&EFFECTS),
                dice.word(&EFFECTS),
                dice.word(&REQUESTS)
            ),
        )
    }

    /// Title and words of an aspiration.
    pub fn aspiration(&self, dice: &mut Dice, category: &Category) -> (String, String) {
        let idea = dice.word(&IDEAS);
        let title = format!("Usul untuk layanan {}: {idea}", category.name_id.to_lowercase());
        (
            title,
            format!(
                "Kami warga {} mengusulkan agar dinas {idea}. {} Usul ini lahir dari musyawarah warga. {}",
                self.region,
                dice.word(&EFFECTS),
                dice.word(&REQUESTS)
            ),
        )
    }

    /// Title and words of an information request.
    pub fn question(&self, dice: &mut Dice, category: &Category) -> (String, String) {
        let question = dice.word(&QUESTIONS);
        let title = format!("Informasi layanan {}: {question}", category.name_id.to_lowercase());
        (
            title,
            format!(
                "Saya ingin mengetahui {question} untuk layanan {} di {}. Di situs web saya tidak menemukannya. {}",
                category.name_id.to_lowercase(),
                self.region,
                dice.word(&REQUESTS)
            ),
        )
    }
}

/// A person who does not exist: the name says so, the NIK has a province code that none has, the address cannot be reached.
pub fn identity(dice: &mut Dice, index: usize) -> Identity {
    Identity {
        name: format!("{} Contoh {index:05}", dice.word(&FIRST_NAMES)),
        nik: format!("99{index:014}"),
        phone: format!("+6280000{index:05}"),
        email: format!("warga{index:05}@contoh.invalid"),
        address: format!(
            "{} No. {}, {}",
            dice.word(&STREETS),
            dice.between(1, 200),
            dice.word(&VILLAGES)
        ),
    }
}

/// An answer of an agency; some agencies answer everything with the same words.
pub fn answer(dice: &mut Dice, kind: AnswerKind) -> String {
    let closing = format!(
        "Dikerjakan pada hari kerja ke-{}, dokumentasi terlampir pada arsip kami.",
        dice.between(2, 14)
    );
    match kind {
        AnswerKind::Done => format!("{} {} {closing}", dice.word(&WORKS), dice.word(&WORKS)),
        AnswerKind::Stock => STOCK_ANSWER.to_owned(),
        AnswerKind::Untrue => format!("{} Dengan ini kami sampaikan klarifikasi. {closing}", dice.word(&FACTS)),
        AnswerKind::Information => format!("Syarat dan jadwal kami sampaikan sebagai berikut: loket {} buka pukul 08.00-15.00, biaya nihil, proses {} hari kerja.", dice.between(1, 9), dice.between(1, 14)),
        AnswerKind::TakenUp => format!("Usul diterima dan dimasukkan ke rencana kerja tahun depan. {closing}"),
        AnswerKind::NotTakenUp => "Usul dicatat, tetapi belum dapat dilaksanakan karena anggaran tahun berjalan sudah ditetapkan; akan dibahas kembali pada musyawarah berikutnya.".to_owned(),
    }
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// What was done.
    Done,
    /// Nothing, politely.
    Stock,
    /// The facts against an untrue report.
    Untrue,
    /// Information.
    Information,
    /// An aspiration taken up.
    TakenUp,
    /// An aspiration not taken up.
    NotTakenUp,
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// A photo of one grey pixel: the smallest that decodes.
pub const PHOTO_PNG: &[u8] = &[
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3A, 0x7E, 0x9B, 0x55, 0x00, 0x00, 0x00, 0x0A, 0x49,
    0x44, 0x41, 0x54, 0x78, 0xDA, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0xDA, 0x45, 0x08, 0x3B, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
];
