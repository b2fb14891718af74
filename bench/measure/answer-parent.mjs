/** The other end of `Child.ask`: answers what the parent asks, and ends when the parent is gone, however it went. */
export function answerParent(answers) {
  const answer = async ({ id, ask, args }) => {
    try {
      process.send({ id, answer: await answers[ask](args) });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  };
  process.on('message', (question) => void answer(question));
  process.on('disconnect', () => process.exit(0));
}
