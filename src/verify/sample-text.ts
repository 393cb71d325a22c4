/** What inputs are made of where the user gives no text: plain sentences in several languages and scripts. */
export const SAMPLE_TEXT = [
  "The committee met on Tuesday morning and heard three reports before it adjourned without a vote.",
  "Le tribunal a jugé que la demande était recevable, mais que les preuves ne suffisaient pas.",
  "Der Bericht liegt dem Ausschuss seit März vor; er umfasst 214 Seiten und zwölf Anlagen.",
  "La paciente ingresó con fiebre alta y fue dada de alta cinco días después, sin complicaciones.",
  "A função devolve o maior elemento da lista, ou nada se a lista estiver vazia.",
  "Комиссия рассмотрела заявление и отложила решение до следующего заседания.",
  "委员会在听取报告之后决定推迟表决。",
  "نظرت اللجنة في الطلب وأجلت القرار إلى الجلسة القادمة.",
].join(" ");
