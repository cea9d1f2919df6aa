"""Words by which a value shows what it is: countries, states, forms of address, legal forms, answers like "yes".

Only words that a value consists of, or contains, belong here. Words of headers belong to `mapping`.
All are lower case and without accents, as `profile.plain` makes them; names of several words stand between bars.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(phrase.strip() for phrase in text.replace("\n", " ").split("|") if phrase.strip())


COUNTRY_CODES = _words("""
ad ae af ag al am ao ar at au az ba bb bd be bf bg bh bi bj bn bo br bs bt bw by bz ca cd cf cg ch ci cl cm cn co
cr cu
cv cy cz de dj dk dm do dz ec ee eg er es et fi fj fr ga gb gd ge gh gl gm gn gq gr gt gw gy hk hn hr ht hu id ie
il in
iq ir is it jm jo jp ke kg kh km kp kr kw kz la lb li lk lr ls lt lu lv ly ma mc md me mg mk ml mm mn mo mr mt mu
mv mw
mx my mz na ne ng ni nl no np nz om pa pe pg ph pk pl pr ps pt py qa ro rs ru rw sa sb sc sd se sg si sk sl sm sn
so sr
ss st sv sy sz td tg th tj tl tm tn to tr tt tv tw tz ua ug uk us uy uz va ve vn vu ws ye za zm zw
usa gbr deu fra ita esp prt nld bel che aut swe dnk nor fin pol cze hun rou grc tur ukr rus chn jpn kor ind aus nzl
can
mex bra arg chl col per zaf egy isr sau are irl isl lux svk svn hrv srb bgr est lva ltu
""")

COUNTRY_NAMES = _phrases("""
afghanistan|albania|algeria|andorra|angola|argentina|armenia|australia|austria|azerbaijan|bahrain|bangladesh|
belarus|
belgium|bolivia|bosnia and herzegovina|botswana|brazil|bulgaria|cambodia|cameroon|canada|chile|china|colombia|
costa rica|croatia|cuba|cyprus|czech republic|czechia|denmark|dominican republic|ecuador|egypt|el salvador|england|
estonia|ethiopia|finland|france|georgia|germany|ghana|great britain|greece|guatemala|honduras|hong kong|hungary|
iceland|
india|indonesia|iran|iraq|ireland|israel|italy|ivory coast|jamaica|japan|jordan|kazakhstan|kenya|korea|kuwait|
latvia|
lebanon|liechtenstein|lithuania|luxembourg|malaysia|malta|mexico|moldova|monaco|mongolia|montenegro|morocco|
mozambique|
myanmar|namibia|nepal|netherlands|the netherlands|new zealand|nicaragua|nigeria|north macedonia|northern ireland|
norway|
oman|pakistan|panama|paraguay|peru|philippines|poland|portugal|puerto rico|qatar|republic of korea|romania|russia|
russian federation|rwanda|saudi arabia|scotland|senegal|serbia|singapore|slovakia|slovenia|south africa|south korea|
spain|sri lanka|sudan|sweden|switzerland|syria|taiwan|tanzania|thailand|tunisia|turkey|turkiye|uganda|ukraine|
united arab emirates|united kingdom|united states|united states of america|u.s.a.|u.s.|u.k.|uruguay|uzbekistan|
venezuela|viet nam|vietnam|wales|zambia|zimbabwe|
deutschland|osterreich|schweiz|frankreich|italien|spanien|niederlande|belgien|polen|schweden|danemark|norwegen|
finnland|
tschechien|ungarn|vereinigte staaten|vereinigtes konigreich|grossbritannien|luxemburg|griechenland|turkei|russland|
allemagne|autriche|suisse|italie|espagne|pays-bas|belgique|pologne|suede|norvege|etats-unis|royaume-uni|angleterre|
maroc|tunisie|algerie|cote d'ivoire|bresil|chine|japon|coree du sud|
alemania|francia|espana|italia|suiza|paises bajos|belgica|polonia|suecia|noruega|dinamarca|estados unidos|
reino unido|
mexico|brasil|peru|japon|corea del sur|marruecos|turquia|grecia|
germania|svizzera|spagna|paesi bassi|stati uniti|regno unito|svezia|giappone|cina|portogallo|
alemanha|franca|espanha|suica|paises baixos|holanda|estados unidos da america|reino unido|suecia|japao|
duitsland|frankrijk|nederland|belgie|zwitserland|verenigde staten|verenigd koninkrijk|oostenrijk|spanje|
niemcy|francja|polska|hiszpania|wlochy|szwajcaria|holandia|stany zjednoczone|wielka brytania|czechy|austria|
sverige|norge|danmark|finland|suomi|tyskland|frankrike|frankrig|storbritannien|usa|forenta staterna|nederlanderna|
almanya|fransa|italya|ispanya|hollanda|turkiye|birlesik krallik|amerika birlesik devletleri|abd|ingiltere|
россия|украина|казахстан|беларусь|германия|франция|италия|испания|польша|сша|великобритания|украіна|росія|німеччина|
польща|франція|італія|іспанія|казахстан|
日本|日本国|中国|中國|中华人民共和国|台湾|台灣|臺灣|香港|韩国|韓国|美国|美國|アメリカ|アメリカ合衆国|米国|
英国|イギリス|德国|ドイツ|フランス|法国|新加坡|シンガポール|
대한민국|한국|미국|일본|중국|영국|독일|프랑스|
السعوديه|المملكه العربيه السعوديه|الامارات|الامارات العربيه المتحده|مصر|الاردن|لبنان|الكويت|قطر|المغرب|عمان|البحرين|
العراق|
ישראל|ארצות הברית|ארה"ב|בריטניה|גרמניה|צרפת
""")

STATE_CODES = _words("""
al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa
ri sc
sd tn tx ut vt va wa wv wi wy dc pr ab bc mb nb nl ns nt nu on pe qc sk yt nsw vic qld tas act sp rj mg rs pr ba pe
ce
""")

STATE_NAMES = _phrases("""
alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|
indiana|
iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|
nebraska|
nevada|new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|
rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|washington|west virginia|wisconsin|
wyoming|district of columbia|ontario|quebec|british columbia|alberta|manitoba|saskatchewan|nova scotia|
new brunswick|
newfoundland and labrador|new south wales|victoria|queensland|south australia|western australia|tasmania|england|
scotland|wales|northern ireland|kent|essex|surrey|yorkshire|lancashire|cornwall|devon|
bayern|bavaria|baden-wurttemberg|hessen|hesse|nordrhein-westfalen|nrw|niedersachsen|sachsen|thuringen|brandenburg|
rheinland-pfalz|saarland|schleswig-holstein|sachsen-anhalt|mecklenburg-vorpommern|tirol|steiermark|oberosterreich|
niederosterreich|salzburg|karnten|vorarlberg|burgenland|zurich|bern|vaud|geneve|aargau|
ile-de-france|bretagne|normandie|occitanie|nouvelle-aquitaine|auvergne-rhone-alpes|hauts-de-france|grand est|
pays de la loire|provence-alpes-cote d'azur|paca|bourgogne-franche-comte|centre-val de loire|corse|
andalucia|cataluna|catalunya|galicia|aragon|asturias|pais vasco|castilla y leon|murcia|valencia|navarra|extremadura|
jalisco|nuevo leon|guanajuato|puebla|veracruz|queretaro|cdmx|ciudad de mexico|estado de mexico|yucatan|sonora|
cundinamarca|antioquia|lima|buenos aires|cordoba|santa fe|mendoza|
sao paulo|rio de janeiro|minas gerais|parana|santa catarina|rio grande do sul|bahia|pernambuco|ceara|goias|
lombardia|lazio|veneto|piemonte|emilia-romagna|toscana|campania|sicilia|puglia|liguria|sardegna|calabria|
noord-holland|zuid-holland|utrecht|gelderland|noord-brabant|limburg|overijssel|friesland|groningen|zeeland|
flevoland|drenthe|
mazowieckie|malopolskie|slaskie|dolnoslaskie|wielkopolskie|pomorskie|lodzkie|lubelskie|podkarpackie|
kujawsko-pomorskie|
maharashtra|karnataka|tamil nadu|delhi|gujarat|rajasthan|kerala|telangana|west bengal|uttar pradesh|punjab|haryana|
東京都|大阪府|京都府|北海道|神奈川県|愛知県|福岡県|埼玉県|千葉県|兵庫県|静岡県|広島県|宮城県|
广东省|广东|江苏省|浙江省|北京市|上海市|四川省|山东省|河南省|湖北省|福建省|台北市|新北市|台中市|高雄市|桃園市|
서울특별시|서울|경기도|부산광역시|인천광역시|대구광역시|강원도|
московская область|ленинградская область|краснодарскии краи|свердловская область|киівська область|львівська область|
ankara|istanbul|izmir|antalya|bursa|skane|stockholms lan|vastra gotaland|hovedstaden|sjaelland|midtjylland
""")

CITIES = _phrases("""
new york|los angeles|chicago|houston|phoenix|philadelphia|san antonio|san diego|dallas|austin|san jose|seattle|
denver|
boston|portland|las vegas|detroit|atlanta|miami|minneapolis|san francisco|toronto|montreal|vancouver|calgary|ottawa|
london|manchester|birmingham|leeds|glasgow|edinburgh|bristol|liverpool|dublin|cork|paris|lyon|marseille|toulouse|
nice|
nantes|strasbourg|bordeaux|lille|berlin|hamburg|munchen|munich|koln|cologne|frankfurt|stuttgart|dusseldorf|leipzig|
dresden|
hannover|nurnberg|bremen|wien|vienna|graz|linz|zurich|geneva|basel|bern|madrid|barcelona|valencia|sevilla|bilbao|
malaga|
lisboa|lisbon|porto|roma|rome|milano|milan|napoli|torino|firenze|bologna|venezia|amsterdam|rotterdam|den haag|
utrecht|
eindhoven|bruxelles|brussels|antwerpen|gent|kobenhavn|copenhagen|aarhus|odense|stockholm|goteborg|malmo|uppsala|
oslo|
bergen|helsinki|warszawa|warsaw|krakow|wroclaw|gdansk|poznan|lodz|praha|prague|brno|budapest|bucharest|sofia|athens|
istanbul|ankara|izmir|moscow|москва|санкт-петербург|екатеринбург|новосибирск|казань|киів|киев|львів|одеса|харків|
дніпро|
mexico city|ciudad de mexico|guadalajara|monterrey|bogota|medellin|lima|santiago|buenos aires|cordoba|sao paulo|
rio de janeiro|belo horizonte|curitiba|porto alegre|brasilia|sydney|melbourne|brisbane|perth|auckland|wellington|
mumbai|delhi|new delhi|bangalore|bengaluru|chennai|hyderabad|pune|kolkata|singapore|hong kong|shanghai|beijing|
shenzhen|
guangzhou|tokyo|osaka|kyoto|seoul|busan|taipei|bangkok|jakarta|manila|kuala lumpur|dubai|abu dhabi|riyadh|jeddah|
cairo|
tel aviv|haifa|jerusalem|amman|beirut|doha|lagos|nairobi|cape town|johannesburg|casablanca|tunis|
東京|大阪市|横浜市|名古屋市|札幌市|福岡市|神戸市|京都市|渋谷区|新宿区|港区|千代田区|北京|上海|深圳|广州|杭州|
成都|武汉|南京|台北|台中|高雄|
강남구|서초구|부산|인천|대구|대전|الرياض|جده|دبي|القاهره|عمان|בירושלים|ירושלים|תל אביב|תל אביב-יפו|חיפה
""")

CURRENCIES = _words("""
usd eur gbp jpy cny rmb chf cad aud nzd sek nok dkk pln czk huf ron bgn try rub uah brl mxn ars clp cop pen inr idr
myr
php sgd hkd twd krw thb vnd zar egp ils sar aed qar kwd $ € £ ¥ us$ dollar euro
""")

LANGUAGES = _phrases("""
english|german|french|spanish|italian|portuguese|dutch|polish|swedish|danish|norwegian|finnish|turkish|russian|
ukrainian|
japanese|chinese|korean|arabic|hebrew|czech|greek|hungarian|romanian|hindi|thai|vietnamese|deutsch|englisch|
franzosisch|
spanisch|italienisch|francais|anglais|allemand|espagnol|espanol|ingles|frances|aleman|italiano|inglese|tedesco|
francese|
portugues|nederlands|engels|polski|angielski|svenska|engelska|dansk|engelsk|turkce|ingilizce|русскии|англиискии|
українська|日本語|英語|中文|英文|한국어|영어|العربيه|الانجليزيه|עברית|אנגלית|mandarin|cantonese|simplified chinese
""")

LOCALES = _words("""
en de fr es it pt nl pl sv da nb no fi tr ru uk ja zh ko ar he cs el hu ro hi th vi bg hr sk sl et lv lt id ms
en-us en-gb en-au en-ca de-de de-at de-ch fr-fr fr-ca fr-be es-es es-mx es-ar it-it pt-br pt-pt nl-nl nl-be pl-pl
sv-se
da-dk nb-no fi-fi tr-tr ru-ru uk-ua ja-jp zh-cn zh-tw zh-hk ko-kr ar-sa he-il en_us en_gb de_de fr_fr es_es it_it
pt_br
nl_nl ja_jp zh_cn zh_tw ko_kr
""")

TIMEZONE_WORDS = _words("""
utc gmt est edt cst cdt mst mdt pst pdt cet cest bst ist jst aest eet msk pacific eastern central mountain
""")

YES_NO = _words("""
yes no y n true false t f on off 0 1 x ja nein oui non si sí sì nao não sim tak nie nej evet hayir да нет так ні
はい いいえ 有 無 是 否 예 아니오 아니요 نعم لا כן לא checked unchecked wahr falsch vrai faux verdadero falso vero falso
""")

SALUTATIONS = _phrases("""
mr|mr.|mrs|mrs.|ms|ms.|miss|mx|mx.|dr|dr.|prof|prof.|sir|madam|rev|rev.|hon.|herr|frau|herr dr.|frau dr.|herrn|m.|m|
mme|
mlle|mme.|monsieur|madame|mademoiselle|sr|sr.|sra|sra.|srta.|srta|don|dona|senor|senora|sig.|sig.ra|sig|signor|
signora|
dott.|dott.ssa|ing.|avv.|dhr.|dhr|mevr.|mevr|mw.|mw|de heer|mevrouw|pan|pani|hr.|hr|fr.|fru|froken|bay|bayan|sayin|
г-н|г-жа|господин|госпожа|пан|пані|様|さん|先生|女士|小姐|씨|님|السيد|السيده|د.|מר|גברת|גב'|ד"ר|dipl.-ing.|dr. med.
""")

SUFFIXES = _phrases("""
jr|jr.|sr|sr.|ii|iii|iv|phd|ph.d.|md|m.d.|esq|esq.|mba|cpa|dds|dvm|rn|pe|p.e.|jd|m.sc.|msc|b.sc.|bsc|dipl.-ing.|
ret.|obe|mbe|
m.a.|b.a.|ma|ba|llm|ll.m.|cfa|pmp
""")

GENDERS = _phrases("""
male|female|m|f|w|d|man|woman|other|non-binary|nonbinary|diverse|divers|mannlich|weiblich|homme|femme|masculin|
feminin|
hombre|mujer|masculino|femenino|feminino|maschio|femmina|uomo|donna|vrouw|mezczyzna|kobieta|kvinna|kvinde|mand|
erkek|kadin|
мужскои|женскии|муж|жен|м|ж|чоловік|жінка|男|女|男性|女性|남|여|남성|여성|남자|여자|ذكر|انثى|זכר|נקבה|unspecified
""")

COMPANY_FORMS = _words("""
inc inc. llc l.l.c. llp ltd ltd. limited plc corp corp. corporation co co. company gmbh mbh ag kg ohg gbr ug e.k.
e.v. ev se sa s.a. sas
s.a.s. sarl s.a.r.l. eurl sci sl s.l. slu sau s.a.u. srl s.r.l. spa s.p.a. snc s.n.c. lda lda. ltda ltda. s/a me
epp eireli bv b.v.
nv n.v. vof v.o.f. bvba bvba. sprl ab a/s as aps aps. oy oyj z.o.o. zoo sp. o.o. s.r.o. a.s. kft kft. zrt d.o.o. ooo
ооо оао зао ип пао ао тов тзов фоп a.ş. aş a.s sti şti ltd.şti. pty pte sdn bhd pvt kk k.k. group holdings holding
gruppe groupe grupo gruppo solutions
systems technologies partners consulting industries enterprises services associates bank foundation institute
university school hospital
universitat stadtwerke
""")

COMPANY_MARKS = (
    "株式会社", "有限会社", "合同会社", "㈱", "有限公司", "公司", "集团", "集團", "工業", "商事", "大学",
    "주식회사", "(주)", "㈜", "유한회사", "شركه", "مؤسسه", 'בע"מ',
)  # fmt: skip

STREET_WORDS = _words("""
street st st. avenue ave ave. road rd rd. lane ln ln. drive dr dr. boulevard blvd blvd. way court ct ct. place pl
pl. square sq
terrace highway hwy parkway pkwy circle cir close crescent row mews loop trail alley plaza quay walk broadway
strasse str. str straße gasse weg allee platz ring damm ufer rue route chemin impasse quai cours
calle c/ avda. avda avenida av. av paseo plaza carrera cra. camino carretera rua r. travessa alameda rodovia
estrada praca
via viale v.le piazza p.zza corso largo vicolo laan straat weg plein gracht kade singel dreef ul. ulica al. aleja
os. pl.
gatan vagen vej gade alle gate veien katu tie cad. cadde caddesi sok. sokak mah. bulvari bulv. ул. улица пр.
проспект пер. переулок
вул. вулиця бул. шоссе наб. شارع طريق רחוב רח' שדרות
""")

STREET_ENDINGS = (
    "strasse", "str.", "weg", "gasse", "platz", "allee", "ring", "damm", "ufer",
    "straat", "laan", "plein", "gracht", "kade", "dreef", "singel", "gatan", "vagen", "vej", "gade", "stien", "katu",
    "丁目", "番地", "路", "街", "号", "號", "巷", "弄", "段", "길", "로", "번지",
)  # fmt: skip

UNIT_WORDS = _words("""
apt apt. apartment suite ste ste. unit floor fl fl. bldg bldg. building room rm # wing block etage stock og
hinterhaus
appt batiment bat. piso puerta planta apto apto. sala bloco interno scala piano verdieping lokal lok. m. kv. daire
kat кв. офис оф. dept
""")

JOB_WORDS = _words("""
manager director president owner founder co-founder cofounder ceo cto cfo coo cmo cio vp svp evp head lead chief
officer
engineer developer analyst consultant specialist coordinator administrator assistant associate executive
representative
buyer purchaser purchasing supervisor technician accountant attorney lawyer nurse physician doctor professor teacher
architect designer editor partner principal secretary treasurer chairman chairwoman chair agent broker advisor
adviser planner
recruiter scientist researcher bookkeeper foreman operator intern controller trainer superintendent producer
geschaftsfuhrer geschaftsfuhrerin leiter leiterin inhaber inhaberin vorstand prokurist einkauf einkaufer
einkaufsleiter vertriebsleiter
sachbearbeiter sachbearbeiterin assistentin assistenz referent referentin ingenieur projektleiter projektleiterin
abteilungsleiter
directeur directrice gerant gerante responsable chef charge chargee president pdg dirigeant ingenieure acheteur
acheteuse assistante
gerente jefe jefa director directora encargado encargada dueno duena propietario propietaria coordinador
coordinadora
direttore direttrice responsabile titolare amministratore impiegato impiegata diretor diretora socio socia
coordenador coordenadora
directeur eigenaar bedrijfsleider medewerker adviseur inkoper hoofd kierownik dyrektor wlasciciel wlascicielka
prezes specjalista ksiegowa
vd chef saljare agare inkopare konsult ekonom direktor leder indehaver konsulent mudur muduru yonetici yonetmen
uzman uzmani sahibi sorumlusu
директор менеджер руководитель начальник бухгалтер инженер специалист владелец керівник бухгалтерка власник
代表取締役 取締役 社長 部長 課長 係長 主任 店長 担当 経理 经理 總經理 总经理 总监 經理 主管 工程师 主任 采购
대표 대표이사 부장 과장 차장 대리 팀장 이사 사장 مدير رئيس مهندس מנהל
מנהלת מנכ"ל סמנכ"ל
""")

DEPARTMENT_WORDS = _words("""
sales marketing finance accounting operations engineering it hr legal purchasing procurement support logistics
production
administration research r&d customer human resources vertrieb einkauf buchhaltung personal verwaltung technik
commercial
ventes achats comptabilite ventas compras contabilidad administracion vendite acquisti amministrazione vendas
financeiro
verkoop inkoop sprzedaz ksiegowosc forsaljning salg satis muhasebe pazarlama продажи бухгалтерия маркетинг відділ
отдел
営業部 総務部 経理部 人事部 技術部 販売部 销售部 市场部 财务部 采购部 技术部 業務部 영업부 총무부 마케팅
영업팀 المبيعات التسويق
""")

INDUSTRY_WORDS = _words("""
manufacturing retail software healthcare construction education automotive banking insurance energy
telecommunications
hospitality agriculture pharmaceuticals biotechnology saas fintech transportation logistics media electronics
aerospace
technology services estate wholesale apparel nonprofit government consulting industry maschinenbau handel
gesundheitswesen baugewerbe
gastronomie industrie sante batiment commerce construccion salud educacion tecnologia industria comercio edilizia
sanita
""")

STATUS_WORDS = _phrases("""
new|open|closed|lead|leads|customer|prospect|qualified|unqualified|contacted|working|nurturing|converted|active|
inactive|pending|won|lost|
cancelled|canceled|confirmed|attending|checked in|registered|enabled|disabled|archived|paid|complete|completed|
created|approved|
declined|follow up|follow-up|in progress|on hold|not interested|interested|hot|warm|cold|neu|offen|kunde|
interessent|aktiv|inaktiv|
nouveau|a rappeler|client|prospect|en cours|nuevo|cliente|activo|abierto|cerrado|nuovo|attivo|novo|ativo|nieuw|
klant|nowy|klient|
ny|kund|kunde|yeni|musteri|новыи|клиент|клієнт|новии|新規|未対応|対応中|成約|新线索|已联系|跟进中|已成交|신규|
진행중|완료|visitor|user|guest|
member|contact|
invited|accepted|bounced|cleaned|transactional|intake|converted to lead
""")

CONSENT_WORDS = _phrases("""
subscribed|unsubscribed|opted in|opted out|opt-in|opt-out|opt in|opt out|optin|optout|single opt-in|double opt-in|
abonniert|abgemeldet|
abonne|desabonne|suscrito|suscrita|no suscrito|inscrit|iscritto|non iscritto|inscrito|zapisany|wypisany|
subscriber|non-subscriber|never subscribed|not subscribed|granted|denied|consented|confirmed opt-in|購読中|配信停止|已订阅|
未订阅|동의|미동의|수신동의|수신거부
""")

SOURCE_WORDS = _phrases("""
web|website|web site|referral|google|facebook|instagram|linkedin|twitter|tiktok|youtube|trade show|event|webinar|
newsletter|organic|
organic search|direct|email|phone|cold call|word of mouth|partner|advertisement|ads|google ads|adwords|facebook ads|
fb|ig|paid|
paid search|social|social media|purchased list|import|csv import|manual|api|landing page|form|online|other|messe|
empfehlung|internet|
bouche a oreille|salon|site web|recomendacion|feria|sitio web|passaparola|fiera|sito web|indicacao|beurs|targi|
massa|messa|fuar|
выставка|саит|рекомендация|展示会|紹介|ウェブサイト|小红书|抖音|微信|官网|转介绍|네이버|인스타그램|블로그|
지인소개|google / organic|friend|cpc
""")

GIVEN_NAMES = _words("""
james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark
steven paul andrew
kevin brian george edward jason ryan eric jacob nicholas jonathan justin scott brandon benjamin samuel gregory
frank alexander raymond
jack dennis jerry tyler aaron jose henry adam nathan peter zachary kyle noah ethan jeremy keith roger mary patricia
jennifer linda
elizabeth barbara susan jessica sarah karen lisa nancy betty sandra margaret ashley kimberly emily donna michelle
carol amanda melissa
deborah stephanie rebecca laura sharon cynthia dorothy amy kathleen angela shirley emma brenda pamela nicole anna
samantha katherine
christine helen debra rachel carolyn janet maria olivia heather diane julie joyce victoria kelly christina joan
evelyn lauren judith
alice grace amber martha danielle sophia isabella charlotte oliver harry leo hugh nadia harvey lena lars bettina
hans peter klaus jurgen wolfgang andreas stefan thomas uwe frank bernd dieter markus matthias jens sven torsten
ralf anke sabine monika
petra ursula claudia birgit heike susanne gabriele annegret katrin ingrid renate anja silke jutta greta felix lukas
leon jonas moritz
jean pierre michel philippe alain nicolas francois laurent julien thierry olivier antoine camille marie nathalie
isabelle sylvie
catherine valerie sophie celine aurelie chloe lea manon ines ludivine mathieu sebastien
juan carlos luis javier antonio manuel francisco jesus miguel alejandro jorge ricardo fernando sergio pablo diego
rosa carmen ana
isabel pilar lucia elena marta cristina beatriz yolanda ivan raul paula sofia
marco giuseppe giovanni luca francesco alessandro paolo roberto stefano andrea matteo federica giulia chiara
francesca elisa silvia
joao pedro paulo tiago rui juliana fernanda patricia renata bruna thiago rafael gabriela mariana luiz rosangela
jan piet kees henk willem femke joost sanne daan lotte anneke pieter bram maarten marieke ingrid
piotr krzysztof andrzej tomasz pawel marcin agnieszka katarzyna malgorzata anna joanna magdalena ewa zofia jakub
michal
erik anders johan karl per nils mikael lena karin birgitta astrid freja mads soren jens lars mette kirsten hanne
ingrid bjorn
mehmet mustafa ahmet ali huseyin hasan ibrahim ayse fatma emine hatice zeynep elif merve emre burak
александр сергеи владимир андреи алексеи дмитрии иван михаил николаи елена ольга наталья татьяна ирина светлана
анна мария екатерина
олександр сергіи тарас оксана наталія ірина катерина юлія микола андріи
太郎 花子 健太 美咲 翔太 陽子 裕子 直樹 誠 恵 さくら 一郎 由美 wei fang min lei jing li na ming 伟 芳 娜 敏
静 丽 强 磊 军 洋
민수 지은 수진 영희 철수 지훈 민지 서연 준호 현우 محمد احمد علي فاطمه ساره خالد عبدالله نوره مريم يوسف נועה
דוד משה יוסי רחל שרה מיכל
אורי eyal
priya rahul amit sanjay anita sunita raj vijay deepak neha pooja kwame fatima omar yusuf aisha mohammed hiroshi
yuki kenji
""")

MONTHS = _words("""
jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september
october november
december januar februar marz mai juni juli oktober dezember janvier fevrier mars avril juin juillet aout septembre
octobre novembre
decembre enero febrero abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio marzo
aprile maggio
giugno luglio settembre ottobre dicembre janeiro fevereiro marco maio junho julho setembro outubro novembro
dezembro januari
februari maart mei augustus stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika
listopada grudnia
maj augusti ocak subat nisan mayis haziran temmuz agustos eylul ekim kasim aralik января февраля марта апреля мая
июня июля августа
сентября октября ноября декабря dez okt abr ago dic fev
""")

NOTHING = _phrases("null|none|n/a|na|nan|-|--|—|unknown|nil|#n/a|undefined|(empty)|(blank)")
