//! What does not hold together: cycles, contradictions, names that mean nothing or several things.

use super::Wrong;

pub const AGREE: &[Wrong] = &[
    ("[[volume]]\nid='b'\nafter=['b']", "3:8", &["`volume.b.after` names the volume itself"]),
    ("[[volume]]\nid='b'\nafter=['a','a']", "3:12", &["names a volume twice"]),
    (
        "[[volume]]\nid='orders'\n[[volume]]\nid='b'\nafter=['order']",
        "5:8",
        &["names a volume `order`", "`orders`"],
    ),
    (
        "[[volume]]\nid='b'\nafter=['a','c']\n[[volume]]\nid='c'\nafter=['d']\n[[volume]]\nid='d'\nafter=['b']",
        "1:1",
        &[
            "`b` waits for `c` (line 11), which waits for `d` (line 14), which waits for `b` (line 8)",
            "restored first",
        ],
    ),
    ("[escrow]\ninstructions='age-secret-key-1abc'", "2:14", &["holds a private key"]),
    ("[escrow]\ninstructions=' '", "2:14", &["is empty"]),
    ("[runbook]\nbelieve_fro='26h'", "2:1", &["`believe_for`"]),
    ("[[asset]]\nkind='key'\nname='k'\nowner='o'\nneeds=['key:k']", "5:8", &["`key:k` hangs on itself"]),
    (
        "[[asset]]\nkind='provider'\nname='Hetzner'\nowner='o'\nyielded_by=['provider:hetzner']",
        "5:13",
        &["`provider:Hetzner` hangs on itself"],
    ),
    (
        "[[asset]]\nkind='provider'\nname='x'\nowner='o'\nstored_on=['upstream_provider:x']",
        "5:12",
        &["hangs on itself"],
    ),
    (
        "[[asset]]\nkind='key'\nname='k'\nowner='o'\nneeds=['catalogue:c']\n\
         [[asset]]\nkind='catalogue'\nname='c'\nowner='o'\nneeds=['key:k']",
        "5:8",
        &["`key:k` needs `catalogue:c`, which needs `key:k`", "nothing hangs on itself"],
    ),
    (
        "[[volume]]\nid='b'\nneeds=[{any=['key:k','host:h'],dies_at=2}]\n\
         [[asset]]\nkind='key'\nname='k'\nowner='o'\ncascades_from=['volume:b']",
        "3:14",
        &["`volume:b` needs `key:k`, which is deleted along with `volume:b`"],
    ),
    (
        "[[volume]]\nid='b'\nstands_on={provider='p',region='r'}\n\
         [[asset]]\nkind='provider'\nname='p'\nowner='o'\nstored_on=['region:r']",
        "8:12",
        &["`provider:p` is stored on `region:p/r`, which is stored on `provider:p`"],
    ),
    (
        "[[volume]]\nid='b'\nstands_on={provider='p',region='r'}\n\
         [[asset]]\nkind='region'\nname='P/R'\nowner='o'\nstored_on=['provider:q']\n\
         [[asset]]\nkind='provider'\nname='q'\nowner='o'",
        "8:1",
        &[
            "`region:p/r` is not stored on `provider:p` here, and is by the `stands_on` of the volume on line 8",
            "correct one of the two",
        ],
    ),
    (
        "[[vault]]\nid='w'\nkind='dir'\npath='/w'\nstands_on={provider='p',upstream_provider='u'}\n\
         [[asset]]\nkind='provider'\nname='p'\nowner='o'\nstored_on=[]",
        "10:1",
        &["not stored on `provider:u` here", "the vault on line 8"],
    ),
    (
        "[[asset]]\nkind='provider'\nname='Acme'\nowner='o'\n[[asset]]\nkind='provider'\nname='acme'\nowner='o'",
        "5:1",
        &["the provider `acme` is declared on line 8 already"],
    ),
    (
        "[[asset]]\nkind='provider'\nname='acme'\nowner='o'\n\
         [[asset]]\nkind='upstream_provider'\nname='ACME'\nowner='o'",
        "5:1",
        &["the upstream_provider `ACME` is declared on line 8 already"],
    ),
    (
        "[[asset]]\nkind='volume'\nname='a'\nowner='o'",
        "1:1",
        &["the volume `a` is declared on line 2 already"],
    ),
    (
        "[[volume]]\nid='b'\nstands_on={provider='p',account='acme'}\n\
         [[volume]]\nid='c'\nstands_on={provider='q',account='Acme'}\n\
         [[asset]]\nkind='key'\nname='k'\nowner='o'\ndeletable_by=['account:acme']",
        "11:15",
        &["`account:acme`, of which there are 2", "account:p/acme, account:q/acme"],
    ),
    ("[[volume]]\nid='b'\nneeds=['key:x']", "3:8", &["`key:x`, which nobody declared"]),
    (
        "[[vault]]\nid='w'\nkind='dir'\npath='/w'\ndeletable_by=['credential:v.writer']",
        "5:15",
        &["`credential:v.writer`, which nobody declared"],
    ),
    (
        "[[asset]]\nkind='key'\nname='k'\nowner='o'\ndeletable_by=['device:sda']",
        "5:15",
        &["a device does nothing by itself", "a credential"],
    ),
    (
        "[[asset]]\nkind='provider'\nname='p'\nowner='o'\nadministered_by=[]\ndeletable_by=['host:a']",
        "6:14",
        &["said of a place, which is in nobody's hands", "say it of each account"],
    ),
    (
        "[[volume]]\nid='b'\nstands_on={provider='p'}\nstored_on=['host:a']",
        "4:11",
        &["as `stands_on` does", "in one of the two"],
    ),
    (
        "[[asset]]\nkind='provider'\nname='p'\nowner='o'\nstored_on=['provider:u']\n\
         [[asset]]\nkind='provider'\nname='u'\nowner='o'\n[[volume]]\nid='b'\nstands_on={provider='p',upstream_provider='p'}",
        "5:1",
        &["builds on nobody", "correct one of the two"],
    ),
    (
        "[[asset]]\nkind='filesystem'\nname='p'\nowner='o'\nadministered_by=['host:a']",
        "5:17",
        &["a part of a machine", "the volume that lies there"],
    ),
    (
        "[[asset]]\nkind='account'\nname='p'\nowner='o'\nneeds=['host:a']\nstored_on=['host:a']",
        "6:12",
        &["no account is stored on such a thing", "what it `needs`"],
    ),
    (
        "[[asset]]\nkind='server'\nname='p'\nowner='o'\nstored_on=['filesystem:a']",
        "5:12",
        &["no server is stored on such a thing", "the host that it runs on"],
    ),
    (
        "[[asset]]\nkind='device'\nname='p'\nowner='o'\nstored_on=['host:a','file:x']",
        "5:11",
        &["lies on something else", "leave the host out"],
    ),
    ("[[asset]]\nkind='network'\nname='p'\nowner='o'\ndeletable_by=['host:a']", "5:14", &["said of a place"]),
    ("[[asset]]\nkind='site'\nname='p'\nowner='o'\nadministered_by=['host:a']", "5:17", &["said of a place"]),
    ("[[volume]]\nid='b'\nadministered_by=['volume:a']", "3:18", &["a volume does nothing by itself"]),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\nyielded_by=[]",
        "6:1",
        &["`recovery_point.p.yielded_by` makes no sense", "this is no credential"],
    ),
    ("[[volume]]\nid='b'\nyielded_by=[]", "3:1", &["`volume.b.yielded_by` makes no sense"]),
    (
        "[[vault]]\nid='w'\nkind='dir'\npath='/w'\nstored_on=[]",
        "5:1",
        &["`vault.w.stored_on` makes no sense", "`stands_on`"],
    ),
    (
        "[[volume]]\nid='b'\nneeds=[{any=['host:a','host:b'],dies_at=0}]",
        "3:41",
        &["a whole number from 1 to 2"],
    ),
    ("[[volume]]\nid='b'\nneeds=[{any=['host:A','host:a'],dies_at=2}]", "3:13", &["names something twice"]),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='Railway.backup'\nowner='o'",
        "4:6",
        &["`Railway.backup`, which is no kind of a catalogue", "PROVIDER.KIND"],
    ),
    ("[[recovery_point]]\nid='p'\nvolume='a'\nkind='a.b.c'\nowner='o'", "4:6", &["no kind of a catalogue"]),
    ("[[recovery_point]]\nid='p'\nvolume='a'\nkind='a.b--c'\nowner='o'", "4:6", &["no kind of a catalogue"]),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='catalogued'\nowner='o'",
        "4:6",
        &["does not say which kind of a catalogue"],
    ),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\nbytes=-1",
        "6:7",
        &["must be a whole number from 0"],
    ),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\nbytes='1GB'",
        "6:7",
        &["a whole number from 0", "and is text"],
    ),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\ntaken_at='2026-02-02'\ndrilled_at='2026-02-01'",
        "7:1",
        &["`recovery_point.p.drilled_at` is before `taken_at`"],
    ),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\nuseless=''",
        "6:9",
        &["`recovery_point.p.useless` is empty"],
    ),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\nreview_by='later'",
        "6:11",
        &["`later`, which is no day and no moment"],
    ),
    (
        "[[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'\n\
         [[recovery_point]]\nid='p'\nvolume='a'\nkind='dump'\nowner='o'",
        "7:4",
        &["`p`, which a recovery point on line 9 has already"],
    ),
    (
        "[[volume]]\nid='orders'\n[[waiver]]\nrule='rpo'\nvolume='order'\nowner='o'\nreason='r'\nuntil='2027-01-01'",
        "5:8",
        &["names a volume `order` that is not there; did you mean `orders`?"],
    ),
    (
        "[[waiver]]\nrule='Same_Provider'\nvolume='a'\nowner='o'\nreason='r'\nuntil='2027-01-01'",
        "2:6",
        &["`Same_Provider`, which is no such name"],
    ),
    (
        "[[waiver]]\nrule='same-hosts'\nvolume='a'\nowner='o'\nreason='r'\nuntil='2027-01-01'",
        "2:6",
        &["`same-hosts`, which is not known; did you mean `same-host`?"],
    ),
    ("[[waiver]]\nrule='rpo'\nvolume='a'\nowner='o'\nreason='r'", "1:1", &["`waiver.rpo` has no `until`"]),
    ("[[waiver]]\nrule='rpo'\nvolume='a'\nreason='r'\nuntil=2027-01-01", "1:1", &["has no `owner`"]),
    ("[[waiver]]\nrule='rpo'\nvolume='a'\nowner='o'\nuntil=2027-01-01", "1:1", &["has no `reason`"]),
    (
        "[[waiver]]\nrule='rpo'\nvolume='a'\nowner='o'\nreason='r'\nuntil='2027-01-01'\n\
         [[waiver]]\nrule='rpo'\nvolume='a'\nowner='o'\nreason='s'\nuntil='2028-01-01'",
        "7:1",
        &["`rpo` of `a` is waived on line 8 already"],
    ),
];
