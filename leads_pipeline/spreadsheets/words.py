"""Everyday words of headers in the languages that lead lists come in: evidence that a row is a header, nothing more.

Which field a word stands for is none of this room's business.
"""

HEADER_WORDS = frozenset(
    """
    account active address adress adresse address1 address2 age amount anrede annual area assigned attendee badge
    billing birth birthdate birthday bounced business campaign category cell channel city code comment comments
    company consent contact content converted country county created creation currency customer date day deal
    department description details direct domain email emails employees employer enabled end event ext extension
    facebook family fax field file first firstname firma form full gender given group headline home hq id image
    industry info interest ip item job keyword label language last lastname lead leads level linkedin list local
    locale location login mail mailing manager medium member message middle mobile model modified month name names
    nickname note notes number object office opt order organisation organization origin owner page parent password
    phone phones photo picture plan platform position post postal postcode prefix price primary priority product
    profile province quantity question rating reason record ref reference referrer region registered registration
    remarks requested response result revenue role salary salutation score secondary segment sex shipping size skype
    source stage start state status street subject submission submitted subscribed suffix suite surname tag tags
    target task team tel telephone term ticket time timestamp timezone title total town twitter type unit unsubscribed
    updated uri url user username utm value verified visit web website week work year zip zipcode

    abteilung anzahl ansprechpartner art aufgabe bemerkung bemerkungen beruf beschreibung betreff bundesland datum
    eingang email-adresse erstellt familienname firmenname funktion geburtsdatum geburtstag geschlecht handy
    hausnummer herkunft internet kampagne kategorie kommentar kontakt kunde kundennummer land mitarbeiter mobil
    mobilnummer nachname notiz notizen nummer ort plz position postleitzahl quelle rolle rufnummer sprache stadt
    stelle strasse straße telefon telefonnummer termin titel umsatz unternehmen vorname webseite zuständig

    adresse annee anniversaire civilite civilité commentaire commentaires courriel date département entreprise etat
    état fonction fournisseur langue mobile naissance nom numero numéro origine pays poste prenom prénom projet raison
    région rue secteur service site société societe statut telephone téléphone ville

    apellido apellidos calle cargo ciudad código codigo comentario comentarios compañía correo dirección direccion
    edad empresa estado fecha fuente género idioma móvil movil nombre nombres notas número observaciones origen país
    pais provincia puesto teléfono telefono

    azienda cap cellulare città citta cognome data indirizzo lingua nazione nome note paese provincia qualifica
    ragione regione ruolo sesso società sito stato telefono via

    bairro celular cep cidade complemento contato data endereço endereco estado idade empresa fonte morada nome
    observação observações país rua sobrenome telefone telemóvel utilizador

    achternaam adres afdeling bedrijf bedrijfsnaam datum functie geboortedatum geslacht huisnummer land mobiel naam
    opmerking opmerkingen plaats postcode straat taal telefoon telefoonnummer tussenvoegsel voornaam woonplaats

    adresse avdeling beskrivelse by efternamn efternavn fornavn förnamn företag firma gata gatuadress hemsida
    kommentar land mobil mobiltelefon namn navn ort poststed postnr postnummer stad stilling telefon titel tlf
    virksomhed yritys etunimi sukunimi puhelin sähköposti kaupunki osoite postinumero

    adres dzial dział firma imie imię kod komorka komórka kraj miasto miejscowość nazwa nazwisko nip notatki numer
    stanowisko status telefon uwagi ulica wojewodztwo województwo zrodlo źródło

    jmeno jméno prijmeni příjmení firma mesto město ulice psc psč stat stát pozice poznamka poznámka telefon
    vezeteknev vezetéknév keresztnév cegnev cégnév varos város utca iranyitoszam irányítószám orszag ország megjegyzes
    megjegyzés prenume nume oras oraș tara țară judet județ

    ad adi adı soyad soyadi soyadı sirket şirket unvan ünvan telefon sehir şehir ulke ülke eposta adres tarih

    имя фамилия отчество компания организация должность телефон почта адрес город страна область регион индекс улица
    дата статус источник комментарий примечание фио название номер пол email сайт ім'я прізвище телефон місто країна

    όνομα επώνυμο εταιρεία τηλέφωνο διεύθυνση πόλη χώρα

    ho ten họ tên điện thoại địa chỉ công ty nama alamat telepon kota perusahaan jabatan negara
    """.split()  # noqa: SIM905 - words read better in lines
)

HEADER_WORDS_WITHOUT_SPACES = tuple(
    """
    姓名 名前 氏名 電話 电话 手机 手機 郵件 邮件 邮箱 メール 会社 公司 企業 企业 住所 地址 城市 都道府県 市区 部署 部門
    部门 役職 职位 職稱 日付 日期 備考 备注 番号 编号 郵便 邮编 이름 성명 전화 휴대폰 이메일 회사 주소 부서 직책 날짜 국가
    도시 비고 اسم الاسم هاتف الهاتف بريد البريد شركة الشركة عنوان العنوان مدينة
    المدينة דוא שם טלפון חברה כתובת עיר ชื่อ นามสกุล โทรศัพท์ อีเมล บริษัท
    ที่อยู่
    """.split()  # noqa: SIM905 - the same
)
"""For scripts that write words without spaces, or with articles in front: parts of words."""
