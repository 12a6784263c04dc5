use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};

/// A student that ranks as its teacher does: `t^2 KL(softmax(teacher / t) || softmax(student / t))`, the mean over rows (Hinton et
/// al. 2015, section 2; Tiny-NewsRec, Yu et al. 2022, equation 4, up to the teacher's entropy, which has no gradient).
///
/// No gradient reaches the teacher.
///
/// # Shapes
///
/// `student` and `teacher` are logits of the same candidates, `[batch, n]`; result `[1]`.
///
/// # Panics
///
/// The shapes differ, or the temperature is not a positive number.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::soft_labels;
///
/// let logits = || Tensor::<2>::from_data([[1.0, 2.0, 5.0]], &Device::flex());
/// assert!(soft_labels(logits(), logits(), 2.0).into_scalar::<f32>().abs() < 1e-6);
/// assert!(soft_labels(logits().neg(), logits(), 2.0).into_scalar::<f32>() > 1.0);
/// ```
#[must_use]
pub fn soft_labels(student: Tensor<2>, teacher: Tensor<2>, temperature: f64) -> Tensor<1> {
    check(&student, &teacher);
    assert!(temperature > 0.0 && temperature.is_finite(), "the temperature {temperature} is not positive");
    let teacher = teacher.detach().div_scalar(temperature);
    let student = log_softmax(student.div_scalar(temperature), 1);
    let divergence = softmax(teacher.clone(), 1) * (log_softmax(teacher, 1) - student);
    divergence.sum_dim(1).mean().mul_scalar(temperature * temperature)
}

/// A student whose vectors are the teacher's: `|student - teacher|^2 / d`, the mean over rows. No gradient reaches the teacher.
///
/// # Shapes
///
/// Both `[batch, d]`; result `[1]`.
///
/// # Panics
///
/// The shapes differ.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::mean_squared;
///
/// let device = Device::flex();
/// let loss = mean_squared(Tensor::from_data([[1.0, 3.0]], &device), Tensor::from_data([[1.0, 1.0]], &device));
/// assert_eq!(loss.into_scalar::<f32>(), 2.0);
/// ```
#[must_use]
pub fn mean_squared(student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
    check(&student, &teacher);
    // Rows first: a CPU sums longer tensors in parts whose order depends on its threads.
    (student - teacher.detach()).square().mean_dim(1).mean()
}

/// A student that keeps the teacher's distances between positive and negative: `((s_p - s_n) - (t_p - t_n))^2`, the mean over rows
/// and negatives ("Margin-MSE", Hofstätter et al. 2020, equation 3). The first column is the positive. No gradient reaches the
/// teacher.
///
/// # Shapes
///
/// Both `[batch, 1 + n]`; result `[1]`.
///
/// # Panics
///
/// The shapes differ, or there is no negative.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::margin_mse;
///
/// let device = Device::flex();
/// // A constant added to all scores is no difference; a margin of 3 instead of 1 is.
/// let teacher = Tensor::from_data([[2.0, 1.0]], &device);
/// assert_eq!(margin_mse(Tensor::from_data([[9.0, 8.0]], &device), teacher.clone()).into_scalar::<f32>(), 0.0);
/// assert_eq!(margin_mse(Tensor::from_data([[3.0, 0.0]], &device), teacher).into_scalar::<f32>(), 4.0);
/// ```
#[must_use]
pub fn margin_mse(student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
    check(&student, &teacher);
    let [batch, n] = student.dims();
    assert!(n > 1, "scores [{batch}, {n}] have no negative");
    let margins = |x: Tensor<2>| x.clone().slice([0..batch, 0..1]) - x.slice([0..batch, 1..n]);
    (margins(student) - margins(teacher.detach())).square().mean()
}

fn check(student: &Tensor<2>, teacher: &Tensor<2>) {
    assert_eq!(
        student.dims(),
        teacher.dims(),
        "student {:?} and teacher {:?}",
        student.dims(),
        teacher.dims()
    );
}
